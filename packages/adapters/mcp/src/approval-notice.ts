import type { ApprovalRequired, PendingAction } from '@taper/enforce';
import type { Params, Protocol, Request } from './sdk.ts';
import { isRecord, ownMember, type RequestedApproval } from './wire.ts';

/** Where an approver finds the pending action: an absolute `https` URL, or `http` while trying things out. It goes to the agent, so it must not let in whoever knows it. */
export type ApprovalUrl = (pending: PendingAction) => string | undefined;

/** Under this name the client's person is shown where to approve. The answer to it is dropped. */
const INPUT_KEY = 'dev.taper/approval';

const CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities';

/** What the caller is told of an action that waits for approval. A URL that cannot be had, or is none, is left out. */
export function requestedApproval(
  { pending, missing }: ApprovalRequired,
  approvalUrl: ApprovalUrl | undefined,
): RequestedApproval {
  const url = webUrl(pending, approvalUrl);
  return { action: pending.action, missing, ...(url === undefined ? {} : { url }) };
}

function webUrl(pending: PendingAction, approvalUrl: ApprovalUrl | undefined): string | undefined {
  try {
    const url = approvalUrl?.(pending);
    return url !== undefined && /^https?:$/.test(new URL(url).protocol) ? url : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Shows the client's person where to approve, by URL elicitation, if the client can do that: as a result that asks for input in
 * revision 2026-07-28, which is returned, as a request of the server's own in earlier ones.
 * It notifies and no more: whatever comes back approves nothing and is read by nobody.
 */
export function notify(
  { url }: RequestedApproval,
  { id, params }: Request,
  protocol: Protocol,
): Params | undefined {
  if (url === undefined) return undefined;
  const message = 'A call needs approval. The page shows what is to be approved.';
  const envelope = ownMember(params?.['_meta'], CAPABILITIES_KEY);
  if (envelope !== undefined) {
    // asked already: the call came back with the answer, and still lacks its approval
    if (params?.['inputResponses'] !== undefined || !canOpen(envelope)) return undefined;
    const elicitation = { method: 'elicitation/create', params: { mode: 'url', message, url } };
    return { resultType: 'input_required', inputRequests: { [INPUT_KEY]: elicitation } };
  }
  if (canOpen(protocol.getClientCapabilities())) {
    const elicitationId = crypto.randomUUID();
    protocol
      .elicitInput({ mode: 'url', message, url, elicitationId }, { relatedRequestId: id })
      .catch(() => undefined); // declined, late or gone: it was a notification
  }
  return undefined;
}

/** Whether these are the answers to {@link notify}, and to nothing else. */
export function isNoticeAnswer(inputResponses: unknown): boolean {
  return isRecord(inputResponses) && Object.keys(inputResponses).join() === INPUT_KEY;
}

function canOpen(capabilities: unknown): boolean {
  return ownMember(ownMember(capabilities, 'elicitation'), 'url') !== undefined;
}
