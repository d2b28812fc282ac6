import { type AuditHead, isEmitter } from '../audit-event/event.ts';
import { isHead } from '../audit-event/head.ts';
import { TaperError } from '../error.ts';
import { checkHybridKey, type HybridKey } from '../hybrid/key.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../json.ts';
import { type PublicJwk, type PublicKey, readPublicKey } from '../key.ts';
import { type NoteKey, parseNoteKey } from '../log-proof/note-key.ts';
import { type LogTrust, requireLogTrust } from '../log-proof/trust.ts';
import { listAt, objectAt, optionalAt, ShapeError, textAt, wholeAt } from './shape.ts';

/** A root issuer whose key is believed for events of a time. Seconds since the epoch, inclusive. */
export interface EvidenceAnchor {
  readonly issuer: string;
  readonly key: PublicKey;
  /** The second key, whose signature its roots must carry, too (spec/hybrid-roots.md). */
  readonly hybrid?: HybridKey;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Who writes the events of an audit log, and for which enforcement point. */
export interface EvidenceEmitter {
  readonly name: string;
  readonly key: PublicKey;
  /** Origin of its audit log. */
  readonly log: string;
  readonly enforcementPoints: readonly string[];
  readonly requireProofAudience: boolean;
  readonly tenant: string | undefined;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly lastSequence: number;
}

/** Which events *complete* is asked about. */
export type EvidenceRange =
  | { readonly by: 'sequence'; readonly first: number; readonly last: number | undefined }
  | { readonly by: 'time'; readonly from: number; readonly until: number };

/** Whom an auditor believes, and what a pass asks for. Only {@link readEvidenceTrust} makes one. */
export interface EvidenceTrust {
  readonly anchors: readonly EvidenceAnchor[];
  /** By origin of the audit log. */
  readonly emitters: ReadonlyMap<string, EvidenceEmitter>;
  /** By origin. */
  readonly logs: ReadonlyMap<string, LogTrust>;
  readonly revocationLogs: readonly string[];
  readonly held: { readonly checkpoints: readonly string[]; readonly heads: readonly AuditHead[] };
  readonly required: {
    readonly arguments: boolean;
    readonly proofs: boolean;
    readonly revocation: boolean;
    readonly logs: readonly string[];
    readonly range: EvidenceRange;
  };
}

const made = new WeakSet<EvidenceTrust>();

/**
 * Reads a trust policy (`spec/evidence.md` section 3). It comes from the auditor and never from a bundle.
 * @throws {TaperError} `option_invalid`, whose hint names the member.
 */
export function readEvidenceTrust(given: string | JsonObject): EvidenceTrust {
  const parsed = typeof given === 'string' ? parseJson(given) : undefined;
  const value = parsed === undefined ? (given as JsonObject) : parsed.ok ? parsed.value : undefined;
  try {
    const trust = readTrust(value);
    made.add(trust);
    return trust;
  } catch (cause) {
    if (cause instanceof ShapeError) throw invalid(cause.path);
    throw cause;
  }
}

/** @throws {TaperError} `option_invalid`. */
export function requireEvidenceTrust(trust: EvidenceTrust): void {
  if (made.has(trust)) return;
  throw new TaperError('option_invalid', 'A trust policy must have been read.', {
    hint: 'Make it with readEvidenceTrust.',
  });
}

function readTrust(value: JsonValue | undefined): EvidenceTrust {
  const object = objectAt(
    value,
    '',
    ['taper_trust'],
    ['anchors', 'emitters', 'logs', 'revocation_logs', 'held', 'required'],
  );
  if (object['taper_trust'] !== 1) throw new ShapeError('taper_trust');
  const logs = new Map<string, LogTrust>();
  for (const [index, log] of listAt(object['logs'], 'logs', readLog).entries()) {
    if (logs.has(log.origin)) throw new ShapeError(`logs[${index}].origin`);
    logs.set(log.origin, log);
  }
  const emitters = new Map<string, EvidenceEmitter>();
  for (const [index, emitter] of listAt(object['emitters'], 'emitters', readEmitter).entries()) {
    if (emitters.has(emitter.log) || !logs.has(emitter.log))
      throw new ShapeError(`emitters[${index}].log`);
    emitters.set(emitter.log, emitter);
  }
  const revocationLogs = listAt(object['revocation_logs'], 'revocation_logs', (origin, path) => {
    if (!logs.has(textAt(origin, path))) throw new ShapeError(path);
    return origin as string;
  });
  const anchors = listAt(object['anchors'], 'anchors', readAnchor, { most: 100 });
  // What one of them asks of a root, the other would let pass.
  for (const [index, { key, hybrid }] of anchors.entries())
    if (
      anchors.some(
        (each) => each.key.thumbprint === key.thumbprint && each.hybrid?.key !== hybrid?.key,
      )
    )
      throw new ShapeError(`anchors[${index}].hybrid`);
  return Object.freeze({
    anchors,
    emitters,
    logs,
    revocationLogs,
    held: optionalAt(object, 'held', '', readHeld) ?? { checkpoints: [], heads: [] },
    required: readRequired(object['required']),
  });
}

function readAnchor(value: JsonValue, path: string): EvidenceAnchor {
  const object = objectAt(value, path, ['issuer', 'key'], ['hybrid', 'not_before', 'not_after']);
  const hybrid = optionalAt(object, 'hybrid', path, hybridAt);
  return {
    ...(hybrid === undefined ? {} : { hybrid }),
    issuer: textAt(object['issuer'], `${path}.issuer`),
    key: keyAt(object['key'], `${path}.key`),
    ...readValidity(object, path),
  };
}

function readEmitter(value: JsonValue, path: string): EvidenceEmitter {
  const object = objectAt(
    value,
    path,
    ['enforcement_points', 'key', 'log', 'name'],
    ['last_sequence', 'not_after', 'not_before', 'proof_audience', 'tenant'],
  );
  if (!isEmitter(object['name'])) throw new ShapeError(`${path}.name`);
  const audience = object['proof_audience'] ?? 'required';
  if (audience !== 'required' && audience !== 'optional')
    throw new ShapeError(`${path}.proof_audience`);
  const points = `${path}.enforcement_points`;
  return {
    name: object['name'],
    key: keyAt(object['key'], `${path}.key`),
    log: textAt(object['log'], `${path}.log`),
    enforcementPoints: listAt(object['enforcement_points'], points, textAt, { least: 1 }),
    requireProofAudience: audience === 'required',
    tenant: optionalAt(object, 'tenant', path, textAt),
    ...readValidity(object, path),
    lastSequence:
      optionalAt(object, 'last_sequence', path, (number, place) => wholeAt(number, place, 1)) ??
      Number.MAX_SAFE_INTEGER,
  };
}

function readValidity(
  object: JsonObject,
  path: string,
): { readonly notBefore: number; readonly notAfter: number } {
  return {
    notBefore: optionalAt(object, 'not_before', path, timeAt) ?? 0,
    notAfter: optionalAt(object, 'not_after', path, timeAt) ?? Number.MAX_SAFE_INTEGER,
  };
}

function readLog(value: JsonValue, path: string): LogTrust {
  const object = objectAt(value, path, ['keys', 'origin'], ['quorum', 'witnesses']);
  const witnesses = listAt(object['witnesses'], `${path}.witnesses`, noteKeyAt);
  const quorum = optionalAt(object, 'quorum', path, timeAt);
  const trust = {
    origin: textAt(object['origin'], `${path}.origin`),
    keys: listAt(object['keys'], `${path}.keys`, noteKeyAt, { least: 1 }),
    witnesses,
    quorum: quorum ?? (witnesses.length === 0 ? 0 : Math.floor(witnesses.length / 2) + 1),
  };
  try {
    return requireLogTrust(trust);
  } catch (cause) {
    const reason = cause instanceof Error ? ` ${cause.message}` : '';
    throw new TaperError('option_invalid', `The trust policy is wrong at ${path}.${reason}`, {
      cause,
    });
  }
}

function readHeld(value: JsonValue, path: string): EvidenceTrust['held'] {
  const object = objectAt(value, path, [], ['checkpoints', 'heads']);
  return {
    checkpoints: listAt(object['checkpoints'], `${path}.checkpoints`, textAt),
    heads: listAt(object['heads'], `${path}.heads`, (head, place) => {
      if (!isHead(head)) throw new ShapeError(place);
      return head;
    }),
  };
}

function readRequired(value: JsonValue | undefined): EvidenceTrust['required'] {
  const object =
    value === undefined
      ? {}
      : objectAt(
          value,
          'required',
          [],
          ['arguments', 'logs', 'proofs', 'revocation', 'sequences', 'time'],
        );
  const demand = (member: string): boolean => {
    const said = object[member] ?? 'shown';
    if (said !== 'shown' && said !== 'optional') throw new ShapeError(`required.${member}`);
    return said === 'shown';
  };
  return {
    arguments: demand('arguments'),
    proofs: demand('proofs'),
    revocation: demand('revocation'),
    logs: listAt(object['logs'], 'required.logs', textAt),
    range: readRange(object),
  };
}

function readRange(required: JsonObject): EvidenceRange {
  const time = optionalAt(required, 'time', 'required', (value, path): EvidenceRange => {
    const object = objectAt(value, path, ['from', 'until']);
    const from = timeAt(object['from'], `${path}.from`);
    const until = wholeAt(object['until'], `${path}.until`, from + 1);
    return { by: 'time', from, until };
  });
  const sequences = optionalAt(required, 'sequences', 'required', (value, path): EvidenceRange => {
    const object = objectAt(value, path, ['first'], ['last']);
    const first = wholeAt(object['first'], `${path}.first`, 1);
    const last = optionalAt(object, 'last', path, (number, place) => wholeAt(number, place, first));
    return { by: 'sequence', first, last };
  });
  if (time !== undefined && sequences !== undefined) throw new ShapeError('required.time');
  return time ?? sequences ?? { by: 'sequence', first: 1, last: undefined };
}

function timeAt(value: JsonValue | undefined, path: string): number {
  return wholeAt(value, path);
}

function keyAt(value: JsonValue | undefined, path: string): PublicKey {
  if (!isJsonObject(value)) throw new ShapeError(path);
  const key = readPublicKey(value as unknown as PublicJwk);
  if (typeof key === 'string') throw new ShapeError(path);
  return key;
}

function hybridAt(value: JsonValue, path: string): HybridKey {
  const { alg, key } = objectAt(value, path, ['alg', 'key']);
  try {
    return checkHybridKey({ alg: textAt(alg, path) as HybridKey['alg'], key: textAt(key, path) });
  } catch {
    throw new ShapeError(path);
  }
}

function noteKeyAt(value: JsonValue, path: string): NoteKey {
  const key = parseNoteKey(textAt(value, path));
  if (key === undefined) throw new ShapeError(path);
  return key;
}

function invalid(path: string): TaperError {
  const at = path === '' ? 'it is no object of JSON' : `wrong: \`${path}\``;
  return new TaperError('option_invalid', `The trust policy cannot be read: ${at}.`, {
    hint: 'See spec/evidence.md section 3, and spec/evidence-trust.schema.json.',
  });
}
