import { hasExactly, isTime } from '../approval/shape.ts';
import { canonicalize } from '../jcs.ts';
import type { JsonObject } from '../json.ts';
import { isHashText } from './target.ts';

/** What a revocation log says of itself at one moment (spec/revocation.md section 5). Times are seconds since the epoch. */
export interface EpochRecord {
  /** From 1, without a gap. */
  readonly epoch: number;
  readonly time: number;
  readonly nextUpdate: number;
  /** base64url of the root of the revoked set. */
  readonly revokedRoot: string;
  /** Entries that it covers: all before it, so its own index. */
  readonly size: number;
  /** Members of the revoked set. */
  readonly revoked: number;
}

const MEMBERS = [
  'epoch',
  'next_update',
  'revoked',
  'revoked_root',
  'size',
  'time',
  'type',
  'version',
];

/** The text of an epoch record as the log has it. */
export function writeEpochRecord(record: EpochRecord): string {
  const { epoch, time, nextUpdate, revokedRoot, size, revoked } = record;
  return canonicalize({
    type: 'epoch',
    version: 1,
    epoch,
    time,
    next_update: nextUpdate,
    revoked_root: revokedRoot,
    size,
    revoked,
  });
}

/** Reads an entry of type `epoch` that is canonical; `undefined` where its shape is wrong. */
export function readEpochObject(object: JsonObject): EpochRecord | undefined {
  if (!hasExactly(object, MEMBERS) || object['type'] !== 'epoch' || object['version'] !== 1)
    return undefined;
  const { epoch, time, next_update: nextUpdate, revoked_root: revokedRoot, size, revoked } = object;
  if (!isTime(epoch) || epoch < 1 || !isTime(time) || !isTime(nextUpdate) || nextUpdate <= time)
    return undefined;
  if (!isHashText(revokedRoot) || !isTime(size) || !isTime(revoked)) return undefined;
  return Object.freeze({ epoch, time, nextUpdate, revokedRoot, size, revoked });
}
