import { deniedProblem } from '@taper/http';

/** How a call ended. */
export interface Outcome {
  /** `permitted`, or the code of the denial. */
  readonly code: string;
  /** The caller's own toolkit, before anything was sent; otherwise the platform. */
  readonly refusedBy?: 'toolkit';
  /** Where somebody can approve it, if somebody has to. */
  readonly approvalUrl?: string;
  /** What the platform answered. */
  readonly data?: unknown;
}

export async function readResponse(answer: Promise<Response>): Promise<Outcome> {
  const response = await answer;
  const denied = await deniedProblem(response);
  if (denied !== undefined) {
    const url = denied.approval?.url;
    return { code: denied.code, ...(url === undefined ? {} : { approvalUrl: url }) };
  }
  if (!response.ok) throw new Error(`The platform failed: ${response.status}`);
  return { code: 'permitted', data: await response.json() };
}
