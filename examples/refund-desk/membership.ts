import { hash } from 'node:crypto';
import { createHolderClient } from '@taper/cli/holder-client';
import {
  AAT_ENTRY_TYPE,
  createVerifier,
  type JsonObject,
  type Signer,
  type ToolMap,
  type VerifiedChain,
} from '@taper/core';
import { systemClock } from '@taper/enforce';
import type { Outcome } from './calls.ts';
import { type AuthorityAddress, trustOf } from './trust.ts';

// What an agent does at the authority, each time proving its key (DPoP, RFC 9449).

/** What is asked for. */
export interface Wanted {
  /** Left out at an exchange: all that there is. */
  readonly tools?: ToolMap;
  /** Seconds; at most what the grant says. */
  readonly lifetime?: number;
}

export interface Membership {
  /** With a one-time token of the operator. The answer is the agent's name from now on. */
  enrol(token: string): Promise<string>;
  /** A root token on behalf of a user who has signed in (RFC 8693). */
  exchange(idToken: string, wanted?: Wanted): Promise<VerifiedChain>;
  /** A root token of its own (client credentials, RFC 6749). */
  request(wanted: Wanted): Promise<VerifiedChain>;
}

export function createMembership(address: AuthorityAddress, signer: Signer): Membership {
  const client = createHolderClient(address.url, signer, systemClock.now, (length) =>
    crypto.getRandomValues(new Uint8Array(length)),
  );
  const verifier = createVerifier({ anchors: trustOf(address).anchors, profile: {} });

  async function ask(
    parameters: Readonly<Record<string, string>>,
    { tools, lifetime }: Wanted,
    claims: (identity: string) => JsonObject = () => ({}),
  ): Promise<VerifiedChain> {
    // A document of the authority that says whose key this is. It lasts an hour; here it is fetched when it is needed.
    const { identity, spiffe_id: id } = (await client.send({ path: '/identity', body: {} })) as {
      readonly [name: string]: string;
    };
    if (identity === undefined || id === undefined) throw new Error('There is no identity.');
    const body = new URLSearchParams({
      ...parameters,
      client_id: id,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe',
      client_assertion: identity,
    });
    if (tools !== undefined)
      body.set('authorization_details', JSON.stringify([{ type: AAT_ENTRY_TYPE, tools }]));
    if (lifetime !== undefined) body.set('lifetime', String(lifetime));
    if ('subject_token' in parameters) body.set('actor_token', identity);
    const answer = await client.send({ path: '/oauth/token', body, claims: claims(identity) });
    const verdict = verifier.verifyChain([String(answer['access_token'])], systemClock.now());
    if (verdict.verdict === 'deny')
      throw new Error(`The root is not what it must be: ${verdict.denial.code}.`);
    return verdict.chain;
  }

  return {
    async enrol(token) {
      const answer = await client.send({ path: '/agents', body: { enrolment: token } });
      return String(answer['spiffe_id']);
    },
    exchange: (idToken, wanted = {}) =>
      ask(
        {
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          subject_token: idToken,
          subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
          actor_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        },
        wanted,
        // The proof names both tokens, so that neither can be put beside another one.
        (identity) => ({
          subject_hash: hash('sha256', idToken, 'base64url'),
          actor_hash: hash('sha256', identity, 'base64url'),
          aud: address.url,
        }),
      ),
    request: (wanted) =>
      ask(
        {
          grant_type: 'client_credentials',
          req_cnf: JSON.stringify({ jwk: signer.publicKey.jwk }),
        },
        wanted,
      ),
  };
}

/** Runs something at the authority; when it refuses, that is the outcome. */
export async function orRefusedThere(run: () => Promise<unknown>): Promise<Outcome> {
  try {
    await run();
    return { code: 'issued' };
  } catch (error) {
    const { code, options } = error as {
      readonly code?: string;
      readonly options?: { readonly field?: string };
    };
    if (code !== 'server_refused' || options?.field === undefined) throw error;
    return { refusedBy: 'authority', code: options.field };
  }
}
