import { platform } from '#crypto';
import { readLine } from '../audit-event/line.ts';
import { TaperError } from '../error.ts';
import { canonicalize } from '../jcs.ts';
import { parseJson } from '../json.ts';
import { parseCheckpoint } from '../log-proof/checkpoint.ts';
import { subtreeWidths } from '../log-proof/frontier.ts';
import { parseNote } from '../log-proof/note.ts';
import {
  EVIDENCE_VERSION,
  MAX_EVIDENCE_LENGTH,
  MAX_EVIDENCE_VALUES,
  parseEvidence,
} from './bundle.ts';
import { listAt, objectAt, optionalAt, ShapeError, textAt } from './shape.ts';
import { chainsOf, hashToken, presentedChain } from './tokens.ts';

/** An event to be shown. */
export interface EvidenceSourceEvent {
  /** Of the entry in the log, 0 for the first. */
  readonly index: number;
  readonly line: string;
  /** Shows the arguments, with the evidence. Left out where it was erased, or where the arguments are not for this auditor. */
  readonly salt?: string | undefined;
  /** What was kept beside the event (`spec/audit.md` section 9). */
  readonly evidence?: string | undefined;
}

/** A log of which something is to be shown. */
export interface EvidenceSourceLog {
  /** A signed note; what it covers is shown or withheld. */
  readonly checkpoint: string;
  /** In rising order of the index. */
  readonly events: Iterable<EvidenceSourceEvent> | AsyncIterable<EvidenceSourceEvent>;
  /** The root of the perfect subtree over `width` entries from `first` on, 32 bytes; `width` is a power of two that divides `first`. */
  subtree(first: number, width: number): Uint8Array | Promise<Uint8Array>;
  /** Older checkpoints, sizes rising, with the consistency proof to this one: for auditors who hold them. */
  readonly earlier?: readonly {
    readonly checkpoint: string;
    readonly proof: readonly Uint8Array[];
  }[];
}

export interface EvidenceSource {
  readonly logs: readonly EvidenceSourceLog[];
  /** Staples by the hash of the leaf that each is for; those for chains that no event names are left out. */
  readonly staples?: readonly { readonly leaf: string; readonly staple: string }[];
}

/** What was kept beside an event. */
export interface KeptEvidence {
  /** RFC 8785 text. */
  readonly arguments: string | undefined;
  /** Compact tokens of each chain, root first. */
  readonly chains: readonly (readonly string[])[];
  readonly proofs: readonly string[] | undefined;
}

/** Reads what was kept beside an event; `undefined` for any other text. */
export function readKeptEvidence(text: string): KeptEvidence | undefined {
  const parsed = parseJson(text);
  if (!parsed.ok) return undefined;
  try {
    const object = objectAt(parsed.value, '', ['chains'], ['arguments', 'proofs']);
    return {
      arguments: optionalAt(object, 'arguments', '', textAt),
      chains: listAt(object['chains'], 'chains', (chain, path) =>
        listAt(chain, path, textAt, { least: 1 }),
      ),
      proofs: optionalAt(object, 'proofs', '', (proofs, path) => listAt(proofs, path, textAt)),
    };
  } catch (cause) {
    if (cause instanceof ShapeError) return undefined;
    throw cause;
  }
}

/**
 * Writes a bundle (`spec/evidence.md` section 2) of the events given: all others are withheld, and proved to be there. Verifies no
 * signature: whether it convinces anybody is for {@link verifyEvidence} to say, under somebody's trust policy.
 *
 * @throws {TaperError} `evidence_invalid` for what makes no bundle: no checkpoint, an event that is not in the log or is none, evidence
 * of another event, more than a bundle may hold.
 */
export async function buildEvidence(source: EvidenceSource): Promise<string> {
  const tokens = new Map<string, string>();
  const leaves = new Set<string>();
  const logs: object[] = [];
  for (const log of source.logs) logs.push(await writeLog(log, tokens, leaves));
  const staples = (source.staples ?? [])
    .filter(({ leaf }) => leaves.has(leaf))
    .map(({ leaf, staple }) => ({ leaf, staple }));
  const bundle = {
    logs,
    ...(staples.length === 0 ? {} : { staples }),
    taper_evidence: EVIDENCE_VERSION,
    ...(tokens.size === 0 ? {} : { tokens: [...tokens.values()] }),
  };
  // Whether it has too many values, and not only too many to be written, is for its own reader to say.
  const text = canonicalize(bundle, 2 * MAX_EVIDENCE_VALUES);
  if (text.length > MAX_EVIDENCE_LENGTH) throw invalid('the bundle would be too large');
  const read = parseEvidence(text);
  if (!read.ok) throw invalid(`what was given makes no bundle: ${read.code} at ${read.path}`);
  return text;
}

async function writeLog(
  log: EvidenceSourceLog,
  tokens: Map<string, string>,
  leaves: Set<string>,
): Promise<object> {
  const size = parseCheckpoint(parseNote(log.checkpoint)?.text ?? '')?.size;
  if (size === undefined) throw invalid('the checkpoint is none');
  const items: object[] = [];
  let next = 0;
  const withhold = async (until: number): Promise<void> => {
    if (until === next) return;
    const hashes: string[] = [];
    let at = next;
    for (const width of subtreeWidths(next, until)) {
      hashes.push(platform.encodeBase64url(await log.subtree(at, width)));
      at += width;
    }
    items.push({ count: until - next, hashes });
    next = until;
  };
  for await (const event of log.events) {
    if (!Number.isSafeInteger(event.index) || event.index < next || event.index >= size)
      throw invalid(`entry ${event.index} is not in the log, or not in order`);
    await withhold(event.index);
    items.push(writeItem(event, tokens, leaves));
    next = event.index + 1;
  }
  await withhold(size);
  const earlier = (log.earlier ?? []).map(({ checkpoint, proof }) => ({
    checkpoint,
    proof: proof.map((hash) => platform.encodeBase64url(hash)),
  }));
  return {
    checkpoint: log.checkpoint,
    ...(earlier.length === 0 ? {} : { earlier }),
    items,
  };
}

function writeItem(
  { index, line, salt, evidence }: EvidenceSourceEvent,
  tokens: Map<string, string>,
  leaves: Set<string>,
): object {
  const event = readLine(line)?.event;
  if (event === undefined) throw invalid(`entry ${index} is no event`);
  const named = chainsOf(event);
  for (const { tokens: hashes } of named) leaves.add(hashes.at(-1) ?? '');
  if (evidence === undefined) return { line };
  const kept = readKeptEvidence(evidence);
  if (kept === undefined) throw invalid(`what was kept beside entry ${index} is no evidence`);
  const shown = presentedChain(event);
  const chains = shown === undefined ? named : [...named, shown];
  for (const chain of kept.chains) {
    const hashes = chain.map((compact) => hashToken(compact));
    if (!chains.some(({ tokens: all }) => all.join() === hashes.join()))
      throw invalid(`what was kept beside entry ${index} has other chains`);
    for (const [at, compact] of chain.entries()) {
      const hash = hashes[at] ?? '';
      if (!tokens.has(hash)) tokens.set(hash, compact);
    }
  }
  if (salt === undefined || kept.arguments === undefined) return { line };
  const { proofs } = kept;
  const opening = { arguments: kept.arguments, ...(proofs === undefined ? {} : { proofs }), salt };
  return { line, opening };
}

function invalid(reason: string): TaperError {
  return new TaperError('evidence_invalid', `No evidence bundle can be made: ${reason}.`);
}
