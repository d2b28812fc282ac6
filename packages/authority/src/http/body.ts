import { platform } from '@taper/core';
import type { ServerRefusal } from './problem.ts';

/** Milliseconds that a body may take to come. */
const PATIENCE = 10_000;

/** The text of a body, or why there is none. Reads no further than `most` bytes, whatever length was announced. */
export async function readText(
  request: Request,
  most: number,
): Promise<{ readonly text: string } | ServerRefusal> {
  if (Number(request.headers.get('content-length') ?? 0) > most) return 'request_too_large';
  if (request.headers.has('content-encoding')) return 'media_type_unsupported';
  if (request.body === null) return { text: '' };
  const reader = request.body.getReader();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    reader.cancel().catch(() => undefined);
  }, PATIENCE);
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (late) return 'request_late';
      if (done) break;
      length += value.length;
      if (length > most) {
        await reader.cancel().catch(() => undefined);
        return 'request_too_large';
      }
      chunks.push(value);
    }
  } finally {
    clearTimeout(timer);
  }
  const text = platform.decodeUtf8(Buffer.concat(chunks));
  return text === undefined ? 'media_type_unsupported' : { text };
}

/** The media type of a body, without parameters and in lower case. */
export function mediaType(headers: Headers): string {
  return headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
}
