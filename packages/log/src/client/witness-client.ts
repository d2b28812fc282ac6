import {
  cosignatureInput,
  type NoteKey,
  parseCosignature,
  parseNote,
  parseSignatureLine,
  platform,
  precheckSignature,
  TaperError,
} from '@taper/core';
import { LogError } from '../port/log-error.ts';
import type { Witness } from '../port/witness.ts';
import { writeAddCheckpoint } from '../witness/request.ts';
import {
  type ExchangeOptions,
  exchange,
  parsePrefix,
  parseTimeout,
  refusedAnswer,
} from './exchange.ts';

export interface WitnessClientOptions extends ExchangeOptions {
  /** The witness's submission prefix (C2SP tlog-witness). */
  readonly url: string;
  /** The witness's key, of type 4, from a source other than its answers. */
  readonly key: NoteKey;
  /** Plain HTTP to other machines; nothing that is sent is secret, but anybody on the way can keep it from arriving. Default false. */
  readonly allowHttp?: boolean;
}

/** Bytes of an answer: a few signature lines, post-quantum ones among them. */
const MAX_ANSWER = 64 * 1024;

const SIZE_BODY = /^(0|[1-9][0-9]{0,15})\n$/;

/**
 * A witness on a server (C2SP tlog-witness, `add-checkpoint`), as the writer of a log asks it. Only what verifies under the
 * witness's own key comes back; whatever else the server says is left out.
 *
 * `cosign` rejects with `log_unavailable` when the witness does not answer in time or is out of order, and with `log_unverified`
 * when its answer is no cosignature of this checkpoint under its key, or it refuses the checkpoint.
 *
 * @throws {TaperError} `option_invalid`.
 */
export function createWitnessClient(options: WitnessClientOptions): Witness {
  const { key } = options;
  if (key.type !== 4) {
    throw new TaperError('option_invalid', 'The key of a witness is of type 4.', {
      hint: 'A key of type 1 is that of a log. `taper log witness` prints the key of a witness.',
    });
  }
  const prefix = parsePrefix(options.url, options.allowHttp);
  const timeout = parseTimeout(options.timeout);
  const item = `witness ${key.name}`;

  return Object.freeze({
    key,
    async cosign(note: string, oldSize: number, proof: readonly Uint8Array[]) {
      const body = parseNote(note)?.text;
      if (body === undefined)
        throw new TaperError('option_invalid', 'Only a signed checkpoint can be cosigned.');
      const { status, headers, bytes } = await exchange(
        `${prefix}/add-checkpoint`,
        {
          method: 'POST',
          body: writeAddCheckpoint({ oldSize, proof, note }),
          headers: { 'content-type': 'text/plain; charset=utf-8', accept: 'text/plain' },
        },
        { ...options, timeout, item, most: MAX_ANSWER },
      );
      const text = platform.decodeUtf8(bytes);
      if (status === 200) return requireSome(await ownSignatures(text ?? '', body, key), item);
      const size = SIZE_BODY.exec(text ?? '')?.[1];
      const isSize = headers.get('content-type')?.split(';', 1)[0]?.trim() === 'text/x.tlog.size';
      if (status === 409 && isSize && Number.isSafeInteger(Number(size)))
        return { size: Number(size) };
      throw refusedAnswer(item, status);
    },
  });
}

/** The lines that are cosignatures of `body` under `key`; others, of whomever, are left out. */
async function ownSignatures(text: string, body: string, key: NoteKey): Promise<readonly string[]> {
  const own: string[] = [];
  for (const line of text.split('\n')) {
    const signature = parseSignatureLine(line);
    if (signature?.name !== key.name || signature.id !== key.id) continue;
    const cosignature = parseCosignature(signature.bytes);
    if (cosignature === undefined || cosignature.time === 0) continue;
    if (precheckSignature('Ed25519', cosignature.signature) !== undefined) continue;
    const input = cosignatureInput(body, cosignature.time);
    if (await platform.verifyAsync(key.key, input, cosignature.signature)) own.push(line);
  }
  return own;
}

function requireSome(lines: readonly string[], item: string): readonly string[] {
  if (lines.length > 0) return lines;
  throw new LogError(
    'log_unverified',
    item,
    `${item}: its answer holds no cosignature of its own.`,
    {
      hint: 'Nothing in it verifies under the key that this witness is configured with. Compare the key with its operator.',
    },
  );
}
