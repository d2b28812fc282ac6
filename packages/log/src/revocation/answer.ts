import { COMMON } from '../http/answer.ts';

/** Of every answer: what a revocation log says is public, and old in a second. */
export const HEADERS: Readonly<Record<string, string>> = { ...COMMON, 'Cache-Control': 'no-store' };

export function jsonAnswer(
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { ...HEADERS, 'Content-Type': 'application/json', ...headers },
  });
}

export function refuse(
  status: number,
  code: string,
  members: object = {},
  headers: Readonly<Record<string, string>> = {},
): Response {
  return jsonAnswer(status, { code, ...members }, headers);
}
