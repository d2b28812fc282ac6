import { randomBytes } from 'node:crypto';
import {
  type Agents,
  type AuthorityStore,
  createAgents,
  createForeignDomains,
  createGrants,
  createIssuance,
  createNonces,
  createTokenEndpoint,
  createTokenExchange,
  type Issuance,
  loadNonceSecret,
  type RootRequest,
  type TokenEndpoint,
  verifyIdentityDocument,
  writeChain,
} from '@taper/authority';
import { createVerifier, derive, type Signer, type TrustAnchor } from '@taper/core';
import {
  DETAILS,
  type FormRequest,
  grantDocument,
  grantedTools,
  type Holder,
  newSigner,
} from './authority-requests.ts';
import { newId } from './scene.ts';

const ISSUER = 'https://authority.example.com';
const TENANT = 'acme';
const DOMAIN = 'example.com';

/** Two agents are enough: authority is the same work for whoever asks. */
export interface Office {
  readonly issuer: string;
  readonly url: string;
  readonly endpoint: TokenEndpoint;
  readonly issuance: Issuance;
  readonly agents: Agents;
  readonly desk: Holder;
  readonly till: Holder;
  /** Asks as `desk`, whose proof has been verified. */
  readonly request: RootRequest;
  nonce(): string;
  /** A chain of the desk whose last hop names the till, as `subject_token`. */
  newSubject(): Promise<string>;
}

const clock = (): number => Math.floor(Date.now() / 1000);
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

/** An authority on a store without sockets: nobody writes its log, so what is measured is issuing alone. @param otherGrants grants of others. */
export async function openOffice(
  store: AuthorityStore,
  root: Signer,
  otherGrants = 0,
): Promise<Office> {
  const identity = newSigner();
  const url = `${ISSUER}/oauth/token`;
  const agents = createAgents({
    store,
    issuer: ISSUER,
    trustDomain: DOMAIN,
    identity,
    root,
    clock,
    random,
  });
  const enrol = async (name: string): Promise<Holder & { readonly id: string }> => {
    const signer = newSigner();
    const { agent, document } = await agents.enrol({
      possession: { key: signer.publicKey },
      admission: { kind: 'operator', tenant: TENANT, name, by: { kind: 'operator', id: 'bench' } },
    });
    return { signer, identity: document, spiffeId: agent.spiffeId, id: agent.id };
  };
  const [desk, till] = [await enrol('desk'), await enrol('till')];
  const text = grantDocument(TENANT, ['desk', 'till'], otherGrants);
  await createGrants({ store, clock }).apply(text, 0, { kind: 'operator', id: 'bench' });
  const issuance = createIssuance({ store, issuer: ISSUER, root, clock, random });
  const nonces = createNonces({ secret: await loadNonceSecret(store, random), clock, random });
  const anchors: readonly TrustAnchor[] = [{ issuer: ISSUER, key: root.publicKey }];
  const trust = { issuer: ISSUER, keys: [identity.publicKey], trustDomain: DOMAIN };
  const verifyIdentity = (compact: string, now: number) =>
    verifyIdentityDocument(compact, trust, now);
  const issueRoot = (request: RootRequest) => issuance.issueRoot(request);
  const endpoint = createTokenEndpoint({
    issuer: ISSUER,
    url,
    store,
    nonces,
    verifyIdentity,
    issueRoot,
    exchange: createTokenExchange({
      issuer: ISSUER,
      store,
      anchors,
      foreign: createForeignDomains([], ISSUER),
      revoked: () => 'good',
      verifyIdentity,
      verifyUserToken: () => Promise.reject(new Error('no users here')),
      issueRoot,
    }),
    clock,
    onFailure: (error) => console.error(error),
  });
  const request: RootRequest = {
    agent: desk.id,
    holder: desk.signer.publicKey,
    details: JSON.parse(DETAILS),
    grant: 'work',
  };
  return {
    issuer: ISSUER,
    url,
    endpoint,
    issuance,
    agents,
    desk,
    till,
    request,
    nonce: () => nonces.issue(),
    async newSubject() {
      const { compact } = await issuance.issueRoot(request);
      return handOn(compact, anchors, desk.signer, till.signer);
    },
  };
}

/** Derives a chain of two from a root, as `subject_token`. */
export async function handOn(
  root: string,
  anchors: readonly TrustAnchor[],
  from: Signer,
  to: Signer,
): Promise<string> {
  const verdict = createVerifier({ anchors, profile: {} }).verifyChain([root], clock());
  if (verdict.verdict !== 'verified') throw new Error(verdict.denial.code);
  const chain = await derive(verdict.chain, {
    signer: from,
    holder: to.publicKey,
    tools: grantedTools(50),
    now: clock(),
    id: newId(),
    maxDepth: 3,
  });
  return writeChain(chain.tokens.map(({ compact }) => compact));
}

/** The request as a server has it from a socket. */
export function asRequest(url: string, { proof, body }: FormRequest): Request {
  return new Request(url, {
    method: 'POST',
    headers: { DPoP: proof, 'Content-Type': 'application/x-www-form-urlencoded' },
    body,
  });
}
