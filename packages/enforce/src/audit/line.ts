import { hash as digest } from 'node:crypto';
import {
  AUDIT_DECISIONS,
  type AuditEvent,
  hashArguments,
  MAX_AUDIT_LINE,
  parseJson,
  platform,
  TaperError,
} from '@taper/core';
import { type RecordedArguments, recordedName, writeRecorded } from './arguments.ts';
import { isTime } from './check.ts';
import type { AuditChain, AuditEventInit } from './event.ts';

/** Decisions that say that somebody had or has authority: without a verified chain there is nobody who could. */
const NEEDS_CHAIN: ReadonlySet<string> = new Set([
  'permit',
  'executed',
  'failed',
  'not_executed',
  'opened',
]);

/** Rules of a policy that are named. */
const MAX_REASONS = 16;

/** More than `previous_hash`, `sequence` and `signature` take. */
const PLACE_LENGTH = 256;

/** An event whose text lacks only its place: `previous_hash` and `sequence` go between the parts. Members are in canonical order. */
export interface DraftEvent {
  readonly id: string;
  readonly time: number;
  readonly salt: string;
  readonly beforePrevious: string;
  readonly beforeSequence: string;
  readonly beforeSignature: string;
  readonly afterSignature: string;
}

/** An event with its place, and its text around the signature that it still lacks. */
export interface PlacedEvent {
  readonly hash: string;
  readonly beforeSignature: string;
  readonly afterSignature: string;
}

/**
 * Writes all of an event but its place.
 * @throws {TaperError} `option_invalid` for a permit without a chain, a decision of another type of event or a time that is none; `json_invalid` for arguments that JSON cannot hold.
 */
export function draftEvent(
  init: AuditEventInit,
  emitter: string,
  id: string,
  salt: Uint8Array,
  recorded: RecordedArguments,
): DraftEvent {
  const { chains, presented, tool, arguments: args, denial, policy } = init;
  if (!isTime(init.time)) throw new TaperError('option_invalid', 'An event needs its time.');
  if (chains.some(({ holders }) => holders.length === 0))
    throw new TaperError('option_invalid', 'A chain in an event needs its holders.');
  if (!AUDIT_DECISIONS[init.type]?.includes(init.decision))
    throw new TaperError('option_invalid', 'This is no decision of an event of this type.');
  if (chains.length === 0 && NEEDS_CHAIN.has(init.decision))
    throw new TaperError('option_invalid', 'Nobody acts without a verified chain.');
  if (presented !== undefined && (chains.length > 0 || init.decision !== 'deny'))
    throw new TaperError(
      'option_invalid',
      'Only a denial that names nobody has a presented chain.',
    );
  const [chain, ...joined] = chains.map(writeChain);
  const approvals = init.approvals?.map(({ approver, group, id: jti, thumbprint }) => ({
    approver: recordedName(approver),
    group: recordedName(group),
    id: recordedName(jti),
    key: thumbprint,
  }));
  // Names in canonical order, and undefined members left out: so JSON.stringify writes RFC 8785.
  const beforeArguments = members({
    action: name(init.action),
    agent_id: chain?.agent_id,
    approvals: nonEmpty(approvals),
  });
  const kept =
    args === undefined || tool === undefined ? undefined : writeRecorded(tool, args, recorded);
  const beforePrevious = members({
    arguments_hash: args === undefined ? undefined : hashArguments(args, salt),
    budget: nonEmpty(init.budget?.map(({ amount, meter }) => ({ amount, meter }))),
    decision: init.decision,
    decision_event_id: init.decisionEventId,
    delegated_by: chain?.delegated_by,
    delegation_chain: chain?.delegation_chain,
    denial_code: denial?.code,
    denial_hop: denial?.hop,
    emitter,
    enforcement_point: init.enforcementPoint,
    event_id: id,
    event_type: init.type,
    joined_chains: nonEmpty(joined),
    policy_decision_id: name(init.policyDecisionId),
    policy_id: name(policy?.id),
    policy_reasons: nonEmpty(init.policyReasons?.slice(0, MAX_REASONS).map(recordedName)),
    policy_version: name(policy?.version),
    presented_chain: presented === undefined ? undefined : writePresented(presented),
  });
  return {
    id,
    time: init.time,
    salt: platform.encodeBase64url(salt),
    beforePrevious: `{${list(beforeArguments, kept === undefined ? '' : `"arguments":${kept}`, beforePrevious)}`,
    beforeSequence: members({
      purposes: nonEmpty(init.purposes),
      resource: name(init.resource),
    }),
    beforeSignature: members({ session: sessionName(init.session) }),
    afterSignature: `${members({
      tenant: init.tenant,
      time: init.time,
      token_hashes: chain?.token_hashes,
      tool: name(tool),
    })}}`,
  };
}

/** Puts an event in its place. `hash` is that of its text without the signature (`spec/audit.md` section 3). */
export function placeEvent(draft: DraftEvent, previousHash: string, sequence: number): PlacedEvent {
  const beforeSignature = list(
    draft.beforePrevious,
    `"previous_hash":"${previousHash}"`,
    draft.beforeSequence,
    `"sequence":${sequence}`,
    draft.beforeSignature,
  );
  const { afterSignature } = draft;
  return {
    hash: hashText(`${beforeSignature},${afterSignature}`),
    beforeSignature,
    afterSignature,
  };
}

/** The line of an event: its text with the signature in its place. */
export function writeLine(
  { beforeSignature, afterSignature }: PlacedEvent,
  signature: string,
): string {
  return `${beforeSignature},"signature":"${signature}",${afterSignature}`;
}

/**
 * Whether a draft is a line that readers accept, and of no more bytes of UTF-8 than given.
 * @throws {TaperError} `json_invalid` for what no shorter line would change.
 */
export function fits(draft: DraftEvent, maxBytes: number = Number.POSITIVE_INFINITY): boolean {
  const { beforePrevious, beforeSequence, beforeSignature, afterSignature } = draft;
  const text = list(beforePrevious, beforeSequence, beforeSignature, afterSignature);
  // JSON.stringify escapes lone surrogates, which canonical JSON does not have.
  if (text.includes('\\ud') && !parseJson(text).ok)
    throw new TaperError('json_invalid', 'The event holds half of a surrogate pair.');
  if (text.length + PLACE_LENGTH > MAX_AUDIT_LINE) return false;
  // No UTF-16 code unit takes more than three bytes.
  return (
    3 * text.length + PLACE_LENGTH <= maxBytes || Buffer.byteLength(text) + PLACE_LENGTH <= maxBytes
  );
}

function hashText(text: string): string {
  return digest('sha256', text, 'base64url'); // of its UTF-8
}

interface WrittenChain {
  readonly agent_id: string;
  readonly delegated_by: string;
  readonly delegation_chain: readonly string[];
  readonly token_hashes: readonly string[];
}

function writeChain({ issuer, holders, tokens }: AuditChain): WrittenChain {
  const delegationChain = [issuer, ...holders];
  return {
    agent_id: holders.at(-1) as string,
    delegated_by: delegationChain.at(-2) as string,
    delegation_chain: delegationChain,
    token_hashes: tokens,
  };
}

/** What is known of a chain that was only shown: nobody is named as the one who called. */
function writePresented(chain: AuditChain): NonNullable<AuditEvent['presented_chain']> {
  const { delegation_chain, token_hashes } = writeChain(chain);
  return { delegation_chain, token_hashes };
}

function members(object: object): string {
  return JSON.stringify(object).slice(1, -1);
}

function list(...parts: readonly string[]): string {
  let text = '';
  for (const part of parts)
    if (part !== '') text += text === '' || text === '{' ? part : `,${part}`;
  return text;
}

function nonEmpty<Element>(array: readonly Element[] | undefined): readonly Element[] | undefined {
  return array === undefined || array.length === 0 ? undefined : array;
}

/** An identifier of a session is random: one that looks like the begin of a token is none. */
function sessionName(id: string | undefined): string | undefined {
  return id !== undefined && /^[A-Za-z0-9_-]{22}$/.test(id) ? id : name(id);
}

function name(text: string | undefined): string | undefined {
  return text === undefined ? undefined : recordedName(text);
}
