import { jsonAnswer, refuse } from './answer.ts';
import type { RevocationFeed } from './feed.ts';

/** `GET tail?from=`: entries that a checkpoint covers, in order (spec/revocation.md section 9.2). */
export async function answerTail(feed: RevocationFeed, url: URL): Promise<Response> {
  const from = readIndex(url.searchParams.get('from'));
  if (from === undefined) return refuse(400, 'from_invalid');
  const { checkpoint } = feed;
  if (checkpoint === undefined) return refuse(503, 'log_unavailable');
  const { note, size } = checkpoint;
  if (from > size) return refuse(409, 'tail_ahead', { checkpoint: note });
  const { entries } = await feed.read(from, size);
  const more = from + entries.length < size;
  // A log whose reader is behind what it has published would have its followers ask for ever.
  if (more && entries.length === 0) return refuse(503, 'log_unavailable');
  return jsonAnswer(200, { from, entries, checkpoint: note, more });
}

/** Decimal, 0 to 2^53 − 1, without sign, zeros in front or anything else; absent is 0. */
export function readIndex(text: string | null): number | undefined {
  if (text === null) return 0;
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(text)) return undefined;
  const index = Number(text);
  return Number.isSafeInteger(index) ? index : undefined;
}
