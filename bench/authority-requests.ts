import { randomBytes } from 'node:crypto';
import { AAT_CHAIN, CLIENT_CREDENTIALS, JWT, JWT_SPIFFE, TOKEN_EXCHANGE } from '@taper/authority';
import {
  constraint,
  createSigner,
  generateKeyPair,
  type JsonObject,
  platform,
  type Signer,
  type ToolMap,
} from '@taper/core';

const UTF8 = new TextEncoder();

/** An agent with its key and the identity document that the authority gave it. */
export interface Holder {
  readonly signer: Signer;
  readonly identity: string;
  readonly spiffeId: string;
}

/** A request as it goes over a socket. */
export interface FormRequest {
  readonly proof: string;
  readonly body: string;
}

export function newSigner(): Signer {
  return createSigner(generateKeyPair().privateJwk);
}

/** What grants of the bench allow, and requests ask for: two tools and four constraints. */
export function grantedTools(amount = 100): ToolMap {
  const order = constraint.oneOf('ord_1042', 'ord_1043', 'ord_1044');
  return {
    'orders.read': { order_id: order },
    'refund.create': {
      amount: constraint.range({ min: 0.01, max: amount }),
      currency: constraint.exact('EUR'),
      order_id: order,
    },
  };
}

/** `authorization_details` that ask for a part of {@link grantedTools}. */
export const DETAILS: string = JSON.stringify([
  { type: 'attenuating_agent_token', tools: grantedTools(50) },
]);

/** A grant document for these agents: one grant for roots, one for exchanges of chains. @param others grants beside it, of another tenant. */
export function grantDocument(tenant: string, agents: readonly string[], others = 0): string {
  const grant = (name: string, more: object) => ({
    name,
    tenant,
    agents,
    tools: grantedTools(),
    audience: ['https://tools.example.com'],
    max_depth: 4,
    max_depth_reason: 'as many as the bench derives',
    lifetime: 3600,
    ends: '2099-01-01T00:00:00Z',
    ...more,
  });
  const crowd = Array.from({ length: others }, (_, index) =>
    grant(`other-${index}`, { tenant: 'another', agents: [`agent-${index}`] }),
  );
  const grants = [
    grant('work', {}),
    grant('handed-on', { subject: { kind: 'chain' }, lifetime: 86_400 }),
    ...crowd,
  ];
  return JSON.stringify({ type: 'taper-grants', version: 1, grants });
}

/** A DPoP proof (RFC 9449) for a POST to this URL. */
async function dpopProof(
  signer: Signer,
  url: string,
  nonce: string,
  claims: JsonObject = {},
): Promise<string> {
  const { alg, jwk } = signer.publicKey;
  const header = { typ: 'dpop+jwt', alg, jwk: { ...jwk } };
  const iat = Math.floor(Date.now() / 1000);
  const jti = randomBytes(16).toString('hex');
  const all = { ...claims, htm: 'POST', htu: url, iat, jti, nonce };
  const input = `${segment(header)}.${segment(all)}`;
  const signature = await signer.sign(UTF8.encode(input));
  return `${input}.${platform.encodeBase64url(signature)}`;
}

/** Asks for a root (draft section 6.1). */
export async function rootRequest(
  { signer, identity, spiffeId }: Holder,
  url: string,
  nonce: string,
): Promise<FormRequest> {
  const form = new URLSearchParams({
    grant_type: CLIENT_CREDENTIALS,
    client_id: spiffeId,
    client_assertion_type: JWT_SPIFFE,
    client_assertion: identity,
    authorization_details: DETAILS,
    req_cnf: JSON.stringify({ jwk: signer.publicKey.jwk }),
    grant: 'work',
  });
  return { proof: await dpopProof(signer, url, nonce), body: form.toString() };
}

/** Exchanges a chain that ends at this holder (RFC 8693). */
export async function exchangeRequest(
  { signer, identity, spiffeId }: Holder,
  subject: string,
  issuer: string,
  url: string,
  nonce: string,
): Promise<FormRequest> {
  const form = new URLSearchParams({
    grant_type: TOKEN_EXCHANGE,
    client_id: spiffeId,
    client_assertion_type: JWT_SPIFFE,
    client_assertion: identity,
    subject_token: subject,
    subject_token_type: AAT_CHAIN,
    actor_token: identity,
    actor_token_type: JWT,
    authorization_details: DETAILS,
    grant: 'handed-on',
  });
  const claims = { subject_hash: sha256(subject), actor_hash: sha256(identity), aud: issuer };
  return { proof: await dpopProof(signer, url, nonce, claims), body: form.toString() };
}

function segment(value: object): string {
  return platform.encodeBase64url(UTF8.encode(JSON.stringify(value)));
}

function sha256(text: string): string {
  return platform.sha256(UTF8.encode(text));
}
