import { AuthorityRefusal } from '../refusal.ts';

/** Bytes of a token request: the longest chain with its evidence, and room to spare. */
export const MAX_TOKEN_REQUEST = 524_288;

const MAX_PARAMETERS = 64;

/** The parameters of a token request. One that came without a value is not there (RFC 6749 section 3.2). */
export interface TokenForm {
  get(name: string): string | undefined;
  /** The values of a parameter that may stand several times: `resource` and `audience` (RFC 8693 section 2.1). */
  all(name: string): readonly string[];
}

const REPEATABLE: readonly string[] = ['resource', 'audience'];

/** `application/x-www-form-urlencoded`, and no other character set than UTF-8. */
const FORM = /^application\/x-www-form-urlencoded(?:[ \t]*;[ \t]*charset="?utf-8"?)?[ \t]*$/i;

/**
 * Reads the body of a token request (RFC 6749 section 3.2). Nothing is repaired: what is not percent-encoded UTF-8 is refused, and so
 * is a parameter that stands twice.
 * @throws {AuthorityRefusal} `request_malformed`, with the reason in its facts.
 */
export async function readTokenForm(request: Request): Promise<TokenForm> {
  if (!FORM.test(request.headers.get('content-type') ?? '')) throw malformed('content_type');
  if (new URL(request.url).search !== '') throw malformed('query');
  return parseForm(await readText(request));
}

/** As {@link readTokenForm}, of the text of a body. */
function parseForm(text: string): TokenForm {
  const values = new Map<string, string[]>();
  const pairs = text === '' ? [] : text.split('&');
  if (pairs.length > MAX_PARAMETERS) throw malformed('too_many_parameters');
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    const name = decode(at === -1 ? pair : pair.slice(0, at));
    const value = at === -1 ? '' : decode(pair.slice(at + 1));
    const earlier = values.get(name);
    if (earlier !== undefined && !REPEATABLE.includes(name))
      throw malformed('repeated', name.slice(0, 64));
    values.set(name, [...(earlier ?? []), value]);
  }
  const all = (name: string): readonly string[] =>
    (values.get(name) ?? []).filter((value) => value !== '');
  return { all, get: (name) => all(name)[0] };
}

/** The refusal of a request: why, and which parameter. */
export function malformed(reason: string, parameter?: string): AuthorityRefusal {
  const of = parameter === undefined ? '' : ` (parameter ${parameter})`;
  return new AuthorityRefusal('request_malformed', `The request is malformed: ${reason}${of}.`, {
    facts: parameter === undefined ? { reason } : { reason, parameter },
  });
}

async function readText(request: Request): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > MAX_TOKEN_REQUEST) throw malformed('too_large');
    chunks.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw malformed('encoding');
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw malformed('encoding');
  }
}
