import type { NoteKey } from '@taper/core';
import { platform } from '@taper/core';
import type { CheckpointView } from '../monitor/monitor.ts';
import { originHash } from '../witness/origin-hash.ts';
import {
  type ExchangeOptions,
  exchange,
  parsePrefix,
  parseTimeout,
  refusedAnswer,
} from './exchange.ts';

export interface WitnessViewOptions extends ExchangeOptions {
  /** The witness's monitoring prefix (C2SP tlog-witness). */
  readonly url: string;
  readonly key: NoteKey;
  /** Of the log. */
  readonly origin: string;
  readonly allowHttp?: boolean;
}

/** Bytes of a checkpoint (core reads no longer notes). */
const MAX_CHECKPOINT = 1_000_000;

/**
 * What a witness has cosigned of a log last (C2SP tlog-witness, "Monitor Retrieval Mechanism"), as a {@link CheckpointView}: a
 * monitor compares it with what the log shows, and so notices when the log shows others something else.
 *
 * @throws {TaperError} `option_invalid`.
 */
export function createWitnessView(options: WitnessViewOptions): CheckpointView {
  const prefix = parsePrefix(options.url, options.allowHttp);
  const timeout = parseTimeout(options.timeout);
  const { name } = options.key;
  const item = `witness ${name}`;
  return Object.freeze({
    name,
    async read(): Promise<string | undefined> {
      const { status, bytes } = await exchange(
        `${prefix}/${originHash(options.origin)}/checkpoint`,
        { headers: { accept: 'text/plain' } },
        { ...options, timeout, item, most: MAX_CHECKPOINT },
      );
      if (status === 404) return undefined;
      if (status !== 200) throw refusedAnswer(item, status);
      return platform.decodeUtf8(bytes) ?? '';
    },
  });
}
