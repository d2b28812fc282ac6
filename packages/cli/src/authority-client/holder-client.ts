import {
  canonicalize,
  type JsonObject,
  parseJson,
  platform,
  type Signer,
  uuidV7,
} from '@taper/core';
import { Failure } from '../failure.ts';
import { patientFetch } from './answer.ts';
import { refusalOf } from './refusal.ts';

/** Bytes of an answer: a chain, or a document. */
const MAX_ANSWER = 1_048_576;

export interface HolderRequest {
  readonly path: string;
  /** JSON, or a form (RFC 6749). */
  readonly body: JsonObject | URLSearchParams;
  /** Claims of the DPoP proof beside its own. */
  readonly claims?: JsonObject;
}

/** Calls what asks for the proof of a key: each request carries a DPoP proof (RFC 9449), with the nonce that the authority gave last. */
export interface HolderClient {
  readonly issuer: string;
  /** @throws {Failure} `server_refused` with the authority's code, `server_unreachable`, `server_answer_invalid`. */
  send(request: HolderRequest): Promise<JsonObject>;
}

export function createHolderClient(
  issuer: string,
  signer: Signer,
  clock: () => number,
  random: (length: number) => Uint8Array,
): HolderClient {
  let nonce: string | undefined;

  async function attempt({ path, body, claims = {} }: HolderRequest): Promise<Response> {
    const url = issuer + path;
    const now = clock();
    const proof = await sign(
      { typ: 'dpop+jwt', alg: signer.publicKey.alg, jwk: { ...signer.publicKey.jwk } },
      {
        ...claims,
        htm: 'POST',
        htu: url,
        iat: now,
        jti: uuidV7(now * 1000, random(10)),
        ...(nonce === undefined ? {} : { nonce }),
      },
      signer,
    );
    const isForm = body instanceof URLSearchParams;
    const response = await patientFetch(
      new Request(url, {
        method: 'POST',
        headers: {
          DPoP: proof,
          Accept: 'application/json',
          'Content-Type': isForm ? 'application/x-www-form-urlencoded' : 'application/json',
        },
        body: isForm ? body.toString() : canonicalize(body),
      }),
    );
    nonce = response.headers.get('dpop-nonce') ?? nonce;
    return response;
  }

  return {
    issuer,
    async send(request) {
      let response = await attempt(request);
      let answer = await readJson(response);
      const wantsNonce =
        answer?.['error'] === 'use_dpop_nonce' || answer?.['code'] === 'nonce_required';
      if (!response.ok && wantsNonce) {
        response = await attempt(request);
        answer = await readJson(response);
      }
      if (response.ok && answer !== undefined) return answer;
      throw refusalOf(answer, response.status);
    },
  };
}

/** A compact JWS. */
async function sign(header: JsonObject, claims: JsonObject, signer: Signer): Promise<string> {
  const encoder = new TextEncoder();
  const [first, second] = [header, claims].map((part) =>
    platform.encodeBase64url(encoder.encode(canonicalize(part))),
  );
  const input = `${first}.${second}`;
  const signature = await signer.sign(encoder.encode(input));
  return `${input}.${platform.encodeBase64url(signature)}`;
}

async function readJson(response: Response): Promise<JsonObject | undefined> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_ANSWER)
      throw new Failure('server_answer_invalid', 'the authority’s answer is longer than 1 MB');
  }
  const parsed = parseJson(text);
  const isObject = parsed.ok && typeof parsed.value === 'object' && !Array.isArray(parsed.value);
  return isObject ? ((parsed.value as JsonObject | null) ?? undefined) : undefined;
}
