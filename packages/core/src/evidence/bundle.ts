import { platform } from '#crypto';
import { canonicalizeParsed } from '../jcs.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../json.ts';
import { hasTooManyValues } from '../json-size.ts';
import { isHash, isLogNumber } from '../log-proof/merkle.ts';
import { listAt, objectAt, optionalAt, ShapeError, textAt, wholeAt } from './shape.ts';

/** What opens the commitment of an event. */
export interface EvidenceOpening {
  /** RFC 8785 text of all arguments. */
  readonly arguments: string;
  /** base64url of 16 bytes. */
  readonly salt: string;
  /** The proof of possession under each chain, in compact serialization. */
  readonly proofs: readonly string[] | undefined;
}

/** Entries of a log, in order: one that is shown, or a run that is withheld. */
export type EvidenceItem =
  | {
      /** Of the entry in the log, 0 for the first. */
      readonly index: number;
      readonly line: string;
      readonly opening: EvidenceOpening | undefined;
    }
  | {
      /** Of the first entry. */
      readonly index: number;
      readonly count: number;
      /** The roots of the maximal aligned subtrees, left to right. */
      readonly hashes: readonly Uint8Array[];
    };

export interface EvidenceLog {
  /** A signed note. */
  readonly checkpoint: string;
  /** The first line of the note. */
  readonly origin: string;
  readonly items: readonly EvidenceItem[];
  /** How many entries the items cover. */
  readonly covered: number;
  readonly earlier: readonly {
    readonly checkpoint: string;
    readonly proof: readonly Uint8Array[];
  }[];
}

/** A bundle as it was read: nothing in it is verified. */
export interface EvidenceBundle {
  readonly logs: readonly EvidenceLog[];
  readonly staples: readonly { readonly leaf: string; readonly staple: string }[];
  readonly tokens: readonly string[];
}

export type EvidenceReading =
  | { readonly ok: true; readonly bundle: EvidenceBundle }
  | {
      readonly ok: false;
      readonly code: 'bundle_too_large' | 'bundle_malformed' | 'version_unsupported';
      /** The member at fault; empty for the whole. */
      readonly path: string;
    };

/** The version of bundles that is written and read. */
export const EVIDENCE_VERSION = 1;

/** UTF-16 code units. */
export const MAX_EVIDENCE_LENGTH: number = 67_108_864;

/** Commas and opening brackets outside of strings. */
export const MAX_EVIDENCE_VALUES: number = 4_000_000;

const MAX_LOGS = 64;
const MAX_PROOFS = 4;
/** Bytes of a salt. */
const SALT_LENGTH = 16;

/**
 * Reads a bundle (`spec/evidence.md` section 2): one text for each content, and no member that is not known. Verifies nothing.
 * Linear in the length; never throws.
 */
export function parseEvidence(given: string | Uint8Array): EvidenceReading {
  if (given.length > 3 * MAX_EVIDENCE_LENGTH) return refused('bundle_too_large');
  const decoded = typeof given === 'string' ? given : platform.decodeUtf8(given);
  if (decoded === undefined) return refused('bundle_malformed');
  const text = decoded.endsWith('\n') ? decoded.slice(0, -1) : decoded;
  if (text.length > MAX_EVIDENCE_LENGTH || hasTooManyValues(text, MAX_EVIDENCE_VALUES))
    return refused('bundle_too_large');
  const parsed = parseJson(text, MAX_EVIDENCE_VALUES);
  if (!parsed.ok || !isJsonObject(parsed.value)) return refused('bundle_malformed');
  const version = parsed.value['taper_evidence'];
  if (Number.isSafeInteger(version) && version !== EVIDENCE_VERSION)
    return refused('version_unsupported', 'taper_evidence');
  try {
    const bundle = readBundle(parsed.value);
    // Last: whoever has a bundle of the wrong shape is told where, and not that it is not canonical.
    // What was parsed holds nothing that cannot be written; a number that no double holds is written otherwise than it was.
    return canonicalizeParsed(parsed.value) === text
      ? { ok: true, bundle }
      : refused('bundle_malformed');
  } catch (error) {
    if (error instanceof ShapeError) return refused('bundle_malformed', error.path);
    throw error;
  }
}

function readBundle(value: JsonObject): EvidenceBundle {
  const object = objectAt(value, '', ['logs', 'taper_evidence'], ['staples', 'tokens']);
  if (object['taper_evidence'] !== EVIDENCE_VERSION) throw new ShapeError('taper_evidence');
  const logs = listAt(object['logs'], 'logs', readLog, { least: 1, most: MAX_LOGS });
  const origins = new Set<string>();
  for (const [index, { origin }] of logs.entries()) {
    if (origins.has(origin)) throw new ShapeError(`logs[${index}].checkpoint`);
    origins.add(origin);
  }
  return {
    logs,
    staples: listAt(object['staples'], 'staples', readStaple, { least: 1 }),
    tokens: listAt(object['tokens'], 'tokens', textAt, { least: 1 }),
  };
}

function readLog(value: JsonValue, path: string): EvidenceLog {
  const object = objectAt(value, path, ['checkpoint', 'items'], ['earlier']);
  const checkpoint = textAt(object['checkpoint'], `${path}.checkpoint`);
  let index = 0;
  let wasWithheld = false;
  const items = listAt(object['items'], `${path}.items`, (element, place) => {
    const item = readItem(element, place, index);
    const isWithheld = 'count' in item;
    if (isWithheld && wasWithheld) throw new ShapeError(place);
    wasWithheld = isWithheld;
    index += isWithheld ? item.count : 1;
    if (!isLogNumber(index)) throw new ShapeError(place);
    return item;
  });
  const earlier = listAt(
    object['earlier'],
    `${path}.earlier`,
    (element, place) => {
      const older = objectAt(element, place, ['checkpoint', 'proof']);
      return {
        checkpoint: textAt(older['checkpoint'], `${place}.checkpoint`),
        proof: listAt(older['proof'], `${place}.proof`, hashAt),
      };
    },
    { least: 1 },
  );
  const [origin = ''] = checkpoint.split('\n', 1);
  return { checkpoint, origin, items, covered: index, earlier };
}

function readItem(value: JsonValue, path: string, index: number): EvidenceItem {
  if (isJsonObject(value) && Object.hasOwn(value, 'count')) {
    const object = objectAt(value, path, ['count', 'hashes']);
    const count = wholeAt(object['count'], `${path}.count`, 1);
    const hashes = listAt(object['hashes'], `${path}.hashes`, hashAt, { least: 1 });
    return { index, count, hashes };
  }
  const object = objectAt(value, path, ['line'], ['opening']);
  const line = textAt(object['line'], `${path}.line`);
  return { index, line, opening: optionalAt(object, 'opening', path, readOpening) };
}

function readOpening(value: JsonValue, path: string): EvidenceOpening {
  const object = objectAt(value, path, ['arguments', 'salt'], ['proofs']);
  const salt = textAt(object['salt'], `${path}.salt`);
  if (bytesAt(salt, `${path}.salt`).length !== SALT_LENGTH) throw new ShapeError(`${path}.salt`);
  return {
    arguments: textAt(object['arguments'], `${path}.arguments`),
    salt,
    proofs: optionalAt(object, 'proofs', path, (proofs, place) =>
      listAt(proofs, place, textAt, { least: 1, most: MAX_PROOFS }),
    ),
  };
}

function readStaple(
  value: JsonValue,
  path: string,
): { readonly leaf: string; readonly staple: string } {
  const object = objectAt(value, path, ['leaf', 'staple']);
  hashAt(object['leaf'], `${path}.leaf`);
  const staple = textAt(object['staple'], `${path}.staple`);
  bytesAt(staple, `${path}.staple`);
  return { leaf: object['leaf'] as string, staple };
}

/** The bytes of a base64url SHA-256. */
function hashAt(value: JsonValue | undefined, path: string): Uint8Array {
  const bytes = bytesAt(textAt(value, path), path);
  if (!isHash(bytes)) throw new ShapeError(path);
  return bytes;
}

/** The bytes that strict base64url stands for. */
function bytesAt(text: string, path: string): Uint8Array {
  const bytes = platform.decodeBase64url(text);
  if (bytes === undefined) throw new ShapeError(path);
  return bytes;
}

function refused(
  code: 'bundle_too_large' | 'bundle_malformed' | 'version_unsupported',
  path = '',
): EvidenceReading {
  return { ok: false, code, path };
}
