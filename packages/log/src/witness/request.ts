/** Proof lines that a request may have (C2SP tlog-witness, `add-checkpoint`). */
const MAX_PROOF_LINES = 63;

/** `old` and the size, without leading zeros; whether it is a number here is judged afterwards. */
const OLD_LINE = /^old (0|[1-9][0-9]{0,15})$/;

/** Base64 (RFC 4648 section 4) of 32 bytes, whose last character has no bits to spare. */
const HASH_LINE = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;

/** The body of an `add-checkpoint` request, taken apart but not judged. */
export interface AddCheckpointRequest {
  /** Size of the checkpoint that the log takes for the latest cosigned one. */
  readonly oldSize: number;
  /** Consistency proof from `oldSize`, hashes of 32 bytes. */
  readonly proof: readonly Uint8Array[];
  /** The signed checkpoint. */
  readonly note: string;
}

/**
 * Reads the body of an `add-checkpoint` request: the old size, the proof, an empty line and the checkpoint
 * (C2SP tlog-witness). `undefined` for everything else: another order, white space, carriage returns, leading zeros, base64
 * in a second form, more than 63 proof lines.
 */
export function parseAddCheckpoint(body: string): AddCheckpointRequest | undefined {
  const end = body.indexOf('\n\n');
  if (end === -1) return undefined;
  const [first = '', ...proofLines] = body.slice(0, end).split('\n');
  const oldSize = Number(OLD_LINE.exec(first)?.[1] ?? Number.NaN);
  if (!Number.isSafeInteger(oldSize) || proofLines.length > MAX_PROOF_LINES) return undefined;
  if (!proofLines.every((line) => HASH_LINE.test(line))) return undefined;
  return {
    oldSize,
    proof: proofLines.map((line) => Uint8Array.from(atob(line), (each) => each.charCodeAt(0))),
    note: body.slice(end + 2),
  };
}

/** The body of an `add-checkpoint` request. */
export function writeAddCheckpoint({ oldSize, proof, note }: AddCheckpointRequest): string {
  const lines = proof.map((hash) => `${btoa(String.fromCharCode(...hash))}\n`);
  return `old ${oldSize}\n${lines.join('')}\n${note}`;
}
