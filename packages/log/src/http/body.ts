/**
 * The bytes of a request or an answer; `undefined` when there are more than `most`. Reads no further than that, whatever
 * length was announced and however small it was packed.
 *
 * @param over ends it: the answer is `undefined` then, and nothing that came is kept.
 */
export async function readBody(
  { body }: Pick<Request, 'body'>,
  most: number,
  over?: AbortSignal,
): Promise<Uint8Array | undefined> {
  if (body === null) return new Uint8Array(0);
  const reader = body.getReader();
  over?.addEventListener('abort', () => void reader.cancel().catch(() => undefined));
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    // What was cancelled looks as if it were at its end.
    if (over?.aborted === true) return undefined;
    if (done) break;
    length += value.length;
    if (length > most) {
      await reader.cancel().catch(() => undefined);
      return undefined;
    }
    chunks.push(value);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
