/** Of every answer: what logs and witnesses serve is public, and read from web pages. */
export const COMMON = {
  'Access-Control-Allow-Origin': '*',
  'X-Content-Type-Options': 'nosniff',
} as const;

/** A checkpoint that is a second old may still be the latest. */
const FRESH = 'public, max-age=1';

/** A signed checkpoint as it is served by logs and witnesses. */
export function checkpointAnswer(note: string): Response {
  return new Response(note, {
    headers: { ...COMMON, 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': FRESH },
  });
}

/** A refusal in one line of text, which no cache keeps: what is not there now may be there in a second. */
export function refusal(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(`${text}\n`, {
    status,
    headers: {
      ...COMMON,
      'Content-Type': 'text/plain; charset=utf-8',
      'Cache-Control': 'no-store',
      ...headers,
    },
  });
}
