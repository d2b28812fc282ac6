import { opensArgumentsText } from '../audit-event/arguments.ts';
import { type AuditEvent, NO_EVENT } from '../audit-event/event.ts';
import { verifyHeadAsync } from '../audit-event/head.ts';
import { type ReadLine, readLine } from '../audit-event/line.ts';
import { canonicalizeParsed } from '../jcs.ts';
import { isJsonObject, parseJson } from '../json.ts';
import { sameBytes, verifyConsistency } from '../log-proof/merkle.ts';
import { parseNote } from '../log-proof/note.ts';
import {
  type LogTrust,
  type VerifiedCheckpoint,
  verifyCheckpointAsync,
} from '../log-proof/trust.ts';
import type { EvidenceItem, EvidenceLog, EvidenceOpening } from './bundle.ts';
import type { Held } from './held.ts';
import type { Findings } from './problem.ts';
import { type EvidenceTree, treeOf } from './tree.ts';
import type { EvidenceEmitter, EvidenceTrust } from './trust.ts';

/** A line that is shown, once its own checks were made. */
export interface CheckedLine {
  readonly path: string;
  /** Of the entry in the log, 0 for the first. */
  readonly index: number;
  /** Present where the line is the emitter's, in its place, and says nothing that the emitter may not say. */
  readonly event: AuditEvent | undefined;
  /** What the line says, whoever wrote it; `undefined` where it says nothing. */
  readonly said: AuditEvent | undefined;
  /** Present where it opens the event. */
  readonly opening: EvidenceOpening | undefined;
}

/** A log of a bundle, once it was compared with what the auditor knows. */
export interface CheckedLog {
  readonly path: string;
  readonly log: EvidenceLog;
  readonly emitter: EvidenceEmitter | undefined;
  /** Present where the checkpoint is the auditor's log's, and the items make its root. */
  readonly checkpoint: VerifiedCheckpoint | undefined;
  readonly lines: readonly CheckedLine[];
  /** Sequence up to which the log is known to have gone, from what the auditor holds; 0 where nothing is held. */
  readonly heldThrough: number;
}

/** Seconds by which the clock of an emitter may be ahead of a witness. */
const MAX_AHEAD = 60;

/** Bytes of the longest entry of a log. */
const MAX_ENTRY = 65_535;

const UTF8 = new TextEncoder();

export interface AuthenticCheck {
  readonly trust: EvidenceTrust;
  readonly held: Held;
  readonly asOf: number | undefined;
  readonly findings: Findings;
}

/** Section 5.2 of `spec/evidence.md`: whether what is shown of a log is what its emitter wrote, in its place. */
export async function checkLog(
  log: EvidenceLog,
  path: string,
  check: AuthenticCheck,
): Promise<CheckedLog> {
  const { trust, held, asOf, findings } = check;
  const logTrust = trust.logs.get(log.origin);
  const emitter = trust.emitters.get(log.origin);
  const heldCheckpoints = held.checkpoints.get(log.origin) ?? [];
  const sizes = new Set(heldCheckpoints.map(({ size }) => size));
  const tree = treeOf(log.items, sizes);
  if (typeof tree === 'number') findings.add('bundle_malformed', `${path}.items[${tree}].hashes`);

  const signed =
    logTrust === undefined ? undefined : await checkNote(log.checkpoint, logTrust, asOf);
  if (logTrust === undefined) findings.add('log_unknown', `${path}.checkpoint`);
  else if (typeof signed === 'string')
    findings.add('checkpoint_invalid', `${path}.checkpoint`, { problem: signed });
  const note = typeof signed === 'object' ? signed : undefined;
  if (logTrust !== undefined)
    noticeUnknown(log.checkpoint, logTrust, `${path}.checkpoint`, findings);
  const checkpoint =
    note !== undefined && typeof tree === 'object' && fits(tree, note, path, findings)
      ? note
      : undefined;
  if (emitter === undefined) findings.add('emitter_unknown', path);

  const latest = latestTime(note, asOf);
  const lines = await checkLines(log, path, { emitter, latest, findings });
  if (checkpoint !== undefined && typeof tree === 'object' && logTrust !== undefined) {
    const earlier = await checkEarlier(log, path, { checkpoint, logTrust, asOf, findings });
    for (const known of heldCheckpoints) {
      if (known.size > checkpoint.size) continue;
      const root =
        known.size === checkpoint.size ? checkpoint.root : rootAt(known.size, tree, earlier);
      if (root === undefined) findings.add('held_unproved', path, { last: known.size });
      else if (!sameBytes(root, known.root))
        findings.add('held_forked', path, { last: known.size });
    }
  }
  const heads = held.heads.get(log.origin) ?? [];
  for (const head of heads) checkHead(head, log, path, findings);
  const heldThrough = Math.max(
    0,
    ...heldCheckpoints.map(({ size }) => size),
    ...heads.map(({ sequence }) => sequence),
  );
  return { path, log, emitter, checkpoint, lines, heldThrough };
}

async function checkNote(
  note: string,
  trust: LogTrust,
  asOf: number | undefined,
): Promise<VerifiedCheckpoint | string> {
  const verdict = await verifyCheckpointAsync(note, trust, asOf === undefined ? {} : { now: asOf });
  return verdict.ok ? verdict.checkpoint : verdict.problem;
}

/** Signatures of whom the policy does not name, or that count no more than if they were not there. */
function noticeUnknown(text: string, trust: LogTrust, path: string, findings: Findings): void {
  const known = [...trust.keys, ...trust.witnesses];
  for (const { name, id } of parseNote(text)?.signatures ?? [])
    if (!known.some((key) => key.name === name && key.id === id))
      findings.notice({ code: 'cosignature_unknown', path });
}

function fits(
  tree: EvidenceTree,
  checkpoint: VerifiedCheckpoint,
  path: string,
  findings: Findings,
): boolean {
  if (tree.size !== checkpoint.size) {
    findings.add('size_mismatch', `${path}.items`, { last: tree.size });
    return false;
  }
  if (sameBytes(tree.root, checkpoint.root)) return true;
  findings.add('root_mismatch', `${path}.items`);
  return false;
}

/** The latest time that an event can say. */
function latestTime(note: VerifiedCheckpoint | undefined, asOf: number | undefined): number {
  const cosigned = cosignedAt(note);
  const latest = Math.min(asOf ?? Number.POSITIVE_INFINITY, cosigned ?? Number.POSITIVE_INFINITY);
  return latest + MAX_AHEAD;
}

/** Time of the latest cosignature that counts. */
export function cosignedAt(checkpoint: VerifiedCheckpoint | undefined): number | undefined {
  const times = checkpoint?.cosigners.map(({ time }) => time) ?? [];
  return times.length === 0 ? undefined : Math.max(...times);
}

interface LineCheck {
  readonly emitter: EvidenceEmitter | undefined;
  readonly latest: number;
  readonly findings: Findings;
}

async function checkLines(
  log: EvidenceLog,
  path: string,
  check: LineCheck,
): Promise<readonly CheckedLine[]> {
  const { findings } = check;
  const lines: CheckedLine[] = [];
  /** Hash of the entry before, where it is shown and the emitter's. */
  let previous: string | undefined = NO_EVENT;
  let latest = Number.NEGATIVE_INFINITY;
  for (const [position, item] of log.items.entries()) {
    if ('count' in item) {
      previous = undefined;
      continue;
    }
    const place = `${path}.items[${position}]`;
    const read = readEntry(item.line);
    const isSigned = read !== undefined && (await isEmitters(read, check.emitter));
    const fault =
      read === undefined ? 'line_malformed' : faultOf(read, isSigned, item.index, previous, check);
    previous = isSigned ? read?.hash : undefined;
    const line = { path: place, index: item.index, said: read?.event };
    if (fault !== undefined || read === undefined) {
      // Without an emitter, that is what has been found.
      if (check.emitter !== undefined || fault === 'line_malformed')
        findings.add(fault ?? 'line_malformed', place, { sequence: item.index + 1 });
      lines.push({ ...line, event: undefined, opening: undefined });
      continue;
    }
    const { event } = read;
    if (event.time < latest)
      findings.notice({ code: 'time_stepped_back', path: place, sequence: event.sequence });
    latest = event.time;
    const opening = checkOpening(event, item, place, findings);
    lines.push({ ...line, event, opening });
  }
  return lines;
}

function readEntry(line: string): ReadLine | undefined {
  // No UTF-16 code unit takes more than three bytes.
  if (3 * line.length > MAX_ENTRY && UTF8.encode(line).length > MAX_ENTRY) return undefined;
  return readLine(line);
}

async function isEmitters(
  { event, hash }: ReadLine,
  emitter: EvidenceEmitter | undefined,
): Promise<boolean> {
  if (emitter === undefined) return false;
  const { name, key } = emitter;
  const { sequence, signature, time } = event;
  return (
    event.emitter === name &&
    verifyHeadAsync({ emitter: name, hash, sequence, signature, time }, key)
  );
}

function faultOf(
  { event }: ReadLine,
  isSigned: boolean,
  index: number,
  previous: string | undefined,
  { emitter, latest }: LineCheck,
) {
  if (emitter === undefined) return 'emitter_unknown';
  if (event.emitter !== emitter.name) return 'emitter_mismatch';
  if (!isSigned) return 'signature_invalid';
  if (event.sequence !== index + 1) return 'sequence_mismatch';
  if (previous !== undefined && event.previous_hash !== previous) return 'chain_broken';
  if (!emitter.enforcementPoints.includes(event.enforcement_point))
    return 'enforcement_point_unknown';
  const { notBefore, notAfter, lastSequence } = emitter;
  if (event.time < notBefore || event.time > notAfter || event.sequence > lastSequence)
    return 'emitter_not_valid';
  return event.time > latest ? 'time_ahead' : undefined;
}

/** The opening, where it is one. */
function checkOpening(
  event: AuditEvent,
  { opening }: Extract<EvidenceItem, { readonly line: string }>,
  path: string,
  findings: Findings,
): EvidenceOpening | undefined {
  if (opening === undefined) return undefined;
  const chains = 1 + (event.joined_chains?.length ?? 0);
  const mayHaveProofs = event.decision === 'permit' && event.session === undefined;
  const isExpected =
    event.arguments_hash !== undefined &&
    (opening.proofs === undefined || (mayHaveProofs && opening.proofs.length === chains));
  if (!isExpected) {
    findings.add('opening_unexpected', `${path}.opening`);
    return undefined;
  }
  const { arguments: text, salt } = opening;
  if (opensArgumentsText(event.arguments_hash ?? '', text, salt) && isArguments(text))
    return opening;
  findings.add('opening_mismatch', `${path}.opening`);
  return undefined;
}

/** Whether it is the RFC 8785 text of an object: an emitter can have hashed any other. */
function isArguments(text: string): boolean {
  const parsed = parseJson(text);
  return parsed.ok && isJsonObject(parsed.value) && canonicalizeParsed(parsed.value) === text;
}

interface EarlierCheck {
  readonly checkpoint: VerifiedCheckpoint;
  readonly logTrust: LogTrust;
  readonly asOf: number | undefined;
  readonly findings: Findings;
}

/** Older checkpoints that this one continues, by size. */
async function checkEarlier(
  log: EvidenceLog,
  path: string,
  { checkpoint, logTrust, asOf, findings }: EarlierCheck,
): Promise<ReadonlyMap<number, Uint8Array>> {
  const roots = new Map<number, Uint8Array>();
  let latest = 0;
  for (const [position, { checkpoint: note, proof }] of log.earlier.entries()) {
    const place = `${path}.earlier[${position}]`;
    const older = await checkNote(note, logTrust, asOf);
    if (typeof older === 'string') {
      findings.add('earlier_invalid', `${place}.checkpoint`, { problem: older });
      continue;
    }
    noticeUnknown(note, logTrust, `${place}.checkpoint`, findings);
    const { size, root } = checkpoint;
    const isConsistent =
      older.size > latest &&
      older.size < size &&
      verifyConsistency({ oldSize: older.size, oldRoot: older.root, size, root, proof });
    if (!isConsistent) {
      findings.add('earlier_inconsistent', place);
      continue;
    }
    latest = older.size;
    roots.set(older.size, older.root);
  }
  return roots;
}

function rootAt(
  size: number,
  tree: EvidenceTree,
  earlier: ReadonlyMap<number, Uint8Array>,
): Uint8Array | undefined {
  return tree.roots.get(size) ?? earlier.get(size);
}

/** A head that the auditor holds: is its event here? What lies beyond the end is for *complete* to say. */
function checkHead(
  { sequence, hash }: { readonly sequence: number; readonly hash: string },
  log: EvidenceLog,
  path: string,
  findings: Findings,
): void {
  if (sequence > log.covered) return;
  const item = log.items.find((each) => 'line' in each && each.index === sequence - 1);
  if (item === undefined) findings.add('held_unproved', path, { sequence });
  else if (!('line' in item) || readLine(item.line)?.hash !== hash)
    findings.add('held_forked', path, { sequence });
}
