import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createHolderClient } from '@taper/cli/holder-client';
import {
  AAT_ENTRY_TYPE,
  type CaveatsInit,
  consentToRotation,
  createSigner,
  createVerifier,
  derive,
  type PublicKey,
  RefusedError,
  type Signer,
  type ToolMap,
  uuidV7,
  type VerifiedChain,
} from '@taper/core';
import { systemClock } from '@taper/enforce';
import { type ArgumentsOf, createTaperFetch, type Route, type SourceMap } from '@taper/http';
import { type Outcome, readResponse } from './outcome.ts';
import { type AuthorityAddress, trustOf } from './trust.ts';
import { signByHand } from './unguarded.ts';

/** A part of one's authority, for another agent. */
export interface Slice {
  readonly tools: ToolMap;
  /** Seconds. */
  readonly lifetime: number;
  readonly caveats?: CaveatsInit;
}

/** An agent with a key of its own, which nobody else ever has. In life it is a process somewhere; see the refund desk for that. */
export interface Agent {
  readonly name: string;
  /** As it is now. */
  key(): PublicKey;
  /** With a one-time token of the operator. The answer is its name as a SPIFFE ID. */
  enrol(token: string): Promise<string>;
  /** Asks the authority for a root token, and keeps it. */
  ask(tools: ToolMap, lifetime: number): Promise<VerifiedChain>;
  /** Derives a token from what it has, offline. */
  handOn(holder: PublicKey, slice: Slice): Promise<VerifiedChain>;
  /** Keeps a chain that it was given, once it has checked it. */
  take(chain: VerifiedChain): void;
  /** Makes itself another key, which carries on with what the old one had. Answers with a copy of the agent that has not noticed. */
  rotate(): Promise<Pick<Agent, 'handOn'>>;
  call<Sources extends SourceMap>(
    server: string,
    route: Route<Sources>,
    args: ArgumentsOf<Sources>,
    approvals?: readonly string[],
  ): Promise<Outcome>;
  /** The request of the latest call, as it went over the wire. */
  latest(): Request;
  /** Calls without the toolkit, which refuses what would be refused: signs by hand whatever it is told to. */
  callByHand(server: string, path: string, tool: string, args: CallArguments): Promise<Outcome>;
}

export interface CallArguments {
  readonly service: string;
  readonly version: string;
}

const TOO_NEW: readonly string[] = ['agent_unknown', 'revocation_stale'];
/** Milliseconds. */
const PATIENCE = 5_000;

export function createAgent(name: string, authority: AuthorityAddress): Agent {
  const { issuer, anchors } = trustOf(authority);
  let [privateKey, signer] = newKey();
  let spiffeId = '';
  let chain: VerifiedChain | undefined;
  /** What shows that the key of the chain has become the key of now. */
  let rotation: readonly string[] = [];
  let latest: Request | undefined;
  const send: typeof fetch = (input, init) => {
    const request = new Request(input, init);
    latest = request.clone();
    return fetch(request);
  };

  const clientOf = (own: Signer) =>
    createHolderClient(authority.url, own, systemClock.now, (length) =>
      crypto.getRandomValues(new Uint8Array(length)),
    );
  const held = (): VerifiedChain => {
    if (chain === undefined) throw new Error(`${name} has no authority.`);
    return chain;
  };
  const verified = (tokens: readonly string[]): VerifiedChain => {
    const verdict = createVerifier({ anchors, profile: {} }).verifyChain(tokens, systemClock.now());
    if (verdict.verdict === 'deny')
      throw new Error(`${name} does not take this chain: ${verdict.denial.code}.`);
    return verdict.chain;
  };
  const handingOn =
    (own: Signer, statements: readonly string[]): Agent['handOn'] =>
    (holder, slice) =>
      derive(held(), {
        ...slice,
        holder,
        signer: own,
        now: systemClock.now(),
        id: newId(),
        ...(statements.length === 0 ? {} : { rotation: statements }),
      });

  return {
    name,
    key: () => signer.publicKey,

    async enrol(token) {
      const answer = await clientOf(signer).send({ path: '/agents', body: { enrolment: token } });
      spiffeId = String(answer['spiffe_id']);
      return spiffeId;
    },

    async ask(tools, lifetime) {
      const client = clientOf(signer);
      const { identity } = await client.send({ path: '/identity', body: {} });
      const answer = await client.send({
        path: '/oauth/token',
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          client_id: spiffeId,
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe',
          client_assertion: String(identity),
          req_cnf: JSON.stringify({ jwk: signer.publicKey.jwk }),
          authorization_details: JSON.stringify([{ type: AAT_ENTRY_TYPE, tools }]),
          lifetime: String(lifetime),
        }),
      });
      chain = verified([String(answer['access_token'])]);
      return chain;
    },

    handOn: (holder, slice) => handingOn(signer, rotation)(holder, slice),

    take(given) {
      chain = verified(given.tokens.map(({ compact }) => compact));
    },

    async rotate() {
      const before = { handOn: handingOn(signer, rotation) };
      const [freshKey, fresh] = newKey();
      const now = systemClock.now();
      const [oldKey, newPublicKey] = [signer.publicKey, fresh.publicKey];
      const terms = { issuer, subject: spiffeId, oldKey, newKey: newPublicKey, now };
      const { statement } = await clientOf(fresh).send({
        path: '/key',
        body: {
          old_key: oldKey.thumbprint,
          consent: await consentToRotation({ ...terms, signer }), // the old key gives itself up
          acceptance: await consentToRotation({ ...terms, signer: fresh }),
          overlap: 0, // seconds that the old key goes on
        },
      });
      [privateKey, signer] = [freshKey, fresh];
      rotation = [...rotation, String(statement)];
      return before;
    },

    async call(server, route, args, approvals = []) {
      try {
        const client = createTaperFetch({
          origin: server,
          audience: server,
          chain: held(),
          signer,
          fetch: send,
        });
        const began = Date.now();
        for (;;) {
          const outcome = await readResponse(client.call(route, args, { approvals }));
          // What is new at the authority, an agent or a root, is old enough for a server when it has read that far in the log.
          if (!TOO_NEW.includes(outcome.code) || Date.now() - began > PATIENCE) return outcome;
          await sleep(100);
        }
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error;
        return { code: error.denial.code, refusedBy: 'toolkit' };
      }
    },

    latest() {
      if (latest === undefined) throw new Error(`${name} has called nothing yet.`);
      return latest.clone();
    },

    async callByHand(server, path, tool, args) {
      const leaf = held().tokens.map(({ compact }) => compact);
      const headers = signByHand(privateKey, leaf, server, tool, args);
      const { service: _, ...body } = args;
      return readResponse(
        fetch(server + path, {
          method: 'POST',
          headers: { ...headers, 'Content-Type': 'application/json' },
          body: JSON.stringify(body),
        }),
      );
    },
  };
}

function newKey(): [KeyObject, Signer] {
  const { privateKey } = generateKeyPairSync('ed25519');
  return [privateKey, createSigner(privateKey.export({ format: 'jwk' }))];
}

function newId(): string {
  return uuidV7(Date.now(), crypto.getRandomValues(new Uint8Array(10)));
}
