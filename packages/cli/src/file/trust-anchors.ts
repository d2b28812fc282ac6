import {
  type AnchorsProblem,
  type AnchorsVerdict,
  type JsonValue,
  pinAnchors,
  readAnchors,
  TaperError,
  type UnsafeAnchors,
  type VerifiedAnchors,
} from '@taper/core';
import { Failure } from '../failure.ts';
import type { Session } from '../session.ts';
import { isObject, member, parseJsonInput } from './json.ts';
import { type InputText, readInput } from './read.ts';

const REASONS: Readonly<Record<AnchorsProblem, readonly [string, string]>> = {
  signature_missing: [
    'not all of its current root keys have signed it',
    'It is not what the issuer published: ask for it again, on another way.',
  ],
  signature_invalid: [
    'a signature of one of its root keys is wrong',
    'It was changed on the way: ask for it again, on another way.',
  ],
  pin_mismatch: [
    'none of its current root keys is the one that is pinned',
    'Compare the thumbprint with what the issuer told you on a way that you trust.',
  ],
  issuer_mismatch: ['it is of another issuer', 'Check the address, or the pinned file.'],
  unauthorized: [
    'no root key that was current before has signed it',
    'Whoever published it has none of the keys that you trust. Do not use it; ask the issuer.',
  ],
  rolled_back: [
    'it is older than the one that you have',
    'Somebody serves an old one. Keep yours; ask the issuer.',
  ],
  gap: [
    'a document between yours and it is missing',
    'Ask the issuer for the whole history, or pin anew by a thumbprint that you trust.',
  ],
  forked: [
    'it has the number of the one that you have, and says something else',
    'The issuer has signed two histories: a root key may be stolen. Use neither; ask the issuer.',
  ],
  history_changed: [
    'it takes back what was said of a root key',
    'A root key is never forgotten and never counts for longer. Do not use it; ask the issuer.',
  ],
  future: ['it was issued in the future', 'Check the clock of this machine.'],
  expired: [
    'it has expired, and there must be a newer one',
    'Whoever serves it keeps the newer one back, or the issuer does not publish. Keep yours; ask the issuer.',
  ],
};

/** Whether a file is a trust-anchor document, or a history of them. */
export function looksLikeDocument(value: JsonValue): boolean {
  const type = isObject(value) ? member(value, 'type') : undefined;
  return type === 'taper-anchors' || type === 'taper-anchors-history';
}

/** Documents from a text. @throws {Failure} `json_invalid`, `anchors_malformed`. */
export function parseDocuments(input: InputText): readonly UnsafeAnchors[] {
  parseJsonInput(input);
  try {
    return readAnchors(input.text);
  } catch (cause) {
    if (!(cause instanceof TaperError)) throw cause;
    throw new Failure('anchors_malformed', `${input.source}: ${cause.message}`, {
      file: input.source,
      hint: 'It is a trust-anchor document of an authority (spec/anchors.md): fetch it again.',
    });
  }
}

/** The newest document of a file that whoever named it vouches for. @throws {Failure} `anchors_refused` when its own keys have not signed it, and as {@link parseDocuments} and `readInput`. */
export async function readPinned(
  path: string,
  purpose: string,
  session: Session,
): Promise<VerifiedAnchors> {
  return newestOf(await readInput(path, purpose, session));
}

/** As {@link readPinned}, of text that was read. */
export function newestOf(input: InputText): VerifiedAnchors {
  const newest = parseDocuments(input).at(-1) as UnsafeAnchors;
  return believed(pinAnchors(newest), input.source);
}

/** @throws {Failure} `anchors_refused`, with the reason. */
export function believed(verdict: AnchorsVerdict, source: string): VerifiedAnchors {
  if (verdict.ok) return verdict.anchors;
  const [reason, hint] = REASONS[verdict.problem];
  throw new Failure(
    'anchors_refused',
    `${source}: document ${verdict.sequence} is not believed: ${reason}`,
    { file: source, field: verdict.problem, hint },
  );
}
