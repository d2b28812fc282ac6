import {
  isJsonObject,
  type PublicKey,
  parseJson,
  readRevocationLogEntry,
  verifyRevocationEntry,
} from '@taper/core';
import { Failure } from './failure.ts';
import { parseServerAddress } from './server-address.ts';
import { escapeText, showName } from './text/escape.ts';

/** What a service said to a request, and what its own words prove. */
export interface Admission {
  readonly index: number;
  /** The entry's text. */
  readonly entry: string;
  /** False where something else was revoked before, which includes the target. */
  readonly direct: boolean;
  readonly added: boolean;
  /** Whether the authority's signature on the entry was checked. */
  readonly verified: boolean;
}

export interface SendOptions {
  /** Address of the service, without `/revocations`. */
  readonly url: string;
  /** Origin of the log that has to publish it. */
  readonly log: string;
  /** The authority's keys; empty where they are not known. */
  readonly authority: readonly PublicKey[];
}

/** Milliseconds. */
const PATIENCE = 15_000;

/** Bytes of an answer: an entry, escaped. */
const MAX_ANSWER = 262_144;

/**
 * Sends a request to revoke something to a revocation service (spec/revocation.md section 9.1).
 * @throws {Failure} `server_unreachable`, `server_refused` with the code of the service, `server_answer_invalid`; `usage` for what is no address.
 */
export async function sendRevocation(
  compact: string,
  { url, log, authority }: SendOptions,
): Promise<Admission> {
  parseServerAddress(url, '--to');
  const invalid = (what: string): Failure =>
    new Failure('server_answer_invalid', `${showName(url)} ${what}`, {
      field: '--to',
      hint: 'It is not known whether anything was revoked. Is it a revocation service? The same request may be sent again.',
    });
  let answer: Response;
  let text: string | undefined;
  try {
    answer = await fetch(`${url.replace(/\/+$/, '')}/revocations`, {
      method: 'POST',
      body: compact,
      headers: { 'content-type': 'application/jwt' },
      redirect: 'error',
      signal: AbortSignal.timeout(PATIENCE),
    });
    text = await boundedText(answer);
  } catch {
    throw new Failure('server_unreachable', `${showName(url)} cannot be reached`, {
      field: '--to',
      hint: 'It is not known whether anything was revoked: send the same request again, until there is an answer.',
    });
  }
  const parsed = text === undefined ? undefined : parseJson(text);
  if (!parsed?.ok || !isJsonObject(parsed.value)) throw invalid('answers something else than JSON');
  const { code, denial, index, entry, direct } = parsed.value;
  if (answer.status >= 400 && typeof code === 'string') {
    const why = typeof denial === 'string' ? ` (${escapeText(denial)})` : '';
    throw new Failure('server_refused', `nothing was revoked: ${escapeText(code)}${why}`, {
      field: '--to',
      hint: HINTS[code],
    });
  }
  const isAdmission = answer.status === 201 || answer.status === 200;
  if (!isAdmission || !Number.isSafeInteger(index) || typeof entry !== 'string')
    throw invalid(`answers ${answer.status} without an entry`);
  const read = readRevocationLogEntry(entry);
  if (read.type !== 'revocation' || read.entry.log !== log || typeof direct !== 'boolean')
    throw invalid('shows an entry that revokes nothing in this log');
  if (answer.status === 201 && read.entry.request !== compact)
    throw invalid('shows an entry for another request');
  if (authority.length > 0 && !verifyRevocationEntry(read.entry, { log, authority }).ok)
    throw invalid('shows an entry that the authority did not sign');
  return {
    index: index as number,
    entry,
    direct,
    added: answer.status === 201,
    verified: authority.length > 0,
  };
}

const HINTS: Readonly<Record<string, string>> = {
  request_not_entitled:
    'A token is revoked by its holder, its issuer, those above it, or the authority; a key by itself, or the authority.',
  request_chain_denied:
    'No enforcement point takes this chain: what has expired need not be revoked.',
  request_chain_revoked: 'The chain that shows that the key is yours is revoked. Use another.',
  request_log_mismatch: 'The service publishes another log. Give its origin with --origin.',
  request_quota_exhausted: 'Ask the issuer of your token, or the authority.',
  request_busy: 'Send the same request again.',
  log_unavailable: 'Send the same request again. Nothing was answered before it was durable.',
};

async function boundedText({ body }: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > MAX_ANSWER) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
