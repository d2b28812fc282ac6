import { TaperError } from '@taper/core';
import type { WitnessedCheckpoint } from './store.ts';

/** SHA-256. */
const HASH_LENGTH = 32;

/** @throws {TaperError} `option_invalid` for what can be no record of a witness. */
export function checkRecord(expectedSize: number, next: WitnessedCheckpoint): void {
  const { origin, size, root, note } = next;
  const whole = [expectedSize, size].every((each) => Number.isSafeInteger(each) && each >= 0);
  const fits =
    whole &&
    typeof origin === 'string' &&
    origin !== '' &&
    root instanceof Uint8Array &&
    root.length === HASH_LENGTH &&
    typeof note === 'string' &&
    note !== '';
  if (!fits) throw new TaperError('option_invalid', 'A witness cannot keep this as a checkpoint.');
}

/** @throws {TaperError} `log_rolled_back` for a smaller tree, `log_forked` for another one of the same size. */
export function refuseRollback(
  held: Pick<WitnessedCheckpoint, 'size' | 'root'>,
  next: WitnessedCheckpoint,
): void {
  if (next.size < held.size) {
    throw new TaperError('log_rolled_back', 'A witness never goes back to a smaller tree.');
  }
  if (next.size === held.size && !sameBytes(next.root, held.root)) {
    throw new TaperError('log_forked', 'A witness never cosigns two trees of one size.');
  }
}

export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
