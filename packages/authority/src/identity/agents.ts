import {
  importPublicKey,
  type PublicKey,
  requireKnownOptions,
  type Signer,
  TaperError,
} from '@taper/core';
import type { AgentRecord, AgentState, AuthorityStore, KeyRecord, Page } from '../port/store.ts';
import { type KnownAgent, type Possession, requireAgentOfKey } from './agent-key.ts';
import {
  type AgentRequest,
  type AgentRevocation,
  requireAgent,
  resume,
  retire,
  suspend,
} from './agent-life.ts';
import { type Rotated, type RotationRequest, rotateAgentKey } from './agent-rotation.ts';
import { freshId } from './change.ts';
import { type CompromisedKeys, type CompromiseRequest, markCompromised } from './compromise.ts';
import type { IdentityContext } from './context.ts';
import {
  type CreatedEnrolment,
  createEnrolment,
  type EnrolmentRequest,
  type EnrolRequest,
  enrol,
} from './enrolment.ts';
import { makeIdentityDocument } from './identity-document.ts';
import { isTrustDomain } from './spiffe-id.ts';
import type { WorkloadIdentifier } from './workload.ts';

export interface AgentsOptions {
  readonly store: AuthorityStore;
  /** The authority's issuer identifier, of tokens and identity documents. */
  readonly issuer: string;
  readonly trustDomain: string;
  /** Signs identity documents. */
  readonly identity: Signer;
  /** Signs rotation statements: a trust anchor of the issuer. */
  readonly root: Signer;
  /** Seconds since the epoch. */
  readonly clock: () => number;
  /** That many fresh random bytes. */
  readonly random: (length: number) => Uint8Array;
  /** Without it no workload is admitted by its token. */
  readonly workloads?: WorkloadIdentifier;
  /** Further keys of the authority, such as that of its log: no agent may have one. */
  readonly ownKeys?: readonly PublicKey[];
  /** Seconds, 60 to 86400. Default 3600. */
  readonly identityLifetime?: number;
  /** Seconds for which a key that its holder replaces goes on, 0 to 2592000. Default 3600. */
  readonly rotationOverlap?: number;
}

/** An identity document, and whose it is. */
export interface IssuedIdentity {
  readonly agent: AgentRecord;
  /** Compact JWS. */
  readonly document: string;
  /** Seconds since the epoch; exclusive. */
  readonly expiresAt: number;
}

/** The agents of an authority: who they are, which keys are theirs, and how that changes. Every change is in the authority's log. */
export interface Agents {
  createEnrolment(request: EnrolmentRequest): Promise<CreatedEnrolment>;
  /** Done when the agent is durable. Whoever gets no answer renews its identity, or asks again: it is there once at most. */
  enrol(request: EnrolRequest): Promise<IssuedIdentity>;
  /** A new identity document for the agent whose key was proved. @throws {AuthorityRefusal} as {@link Agents.agentOfKey}. */
  renewIdentity(possession: Possession): Promise<IssuedIdentity>;
  /**
   * The active agent that has this key, by thumbprint.
   * @throws {AuthorityRefusal} `agent_unknown`, `agent_suspended`, `agent_retired`, `key_not_current`.
   */
  agentOfKey(thumbprint: string): Promise<KnownAgent>;
  suspend(request: AgentRequest): Promise<AgentRecord>;
  resume(request: AgentRequest): Promise<AgentRecord>;
  retire(request: AgentRequest): Promise<AgentRevocation>;
  rotateKey(request: RotationRequest): Promise<Rotated>;
  markCompromised(request: CompromiseRequest): Promise<CompromisedKeys>;
  list(page: Page & { tenant?: string; state?: AgentState }): Promise<AgentRecord[]>;
  /** An agent by its SPIFFE ID, with all keys that it has or had. @throws {AuthorityRefusal} `agent_unknown`. */
  find(spiffeId: string): Promise<{ readonly agent: AgentRecord; readonly keys: KeyRecord[] }>;
}

const OPTIONS: readonly (keyof AgentsOptions)[] = [
  'store',
  'issuer',
  'trustDomain',
  'identity',
  'root',
  'clock',
  'random',
  'workloads',
  'ownKeys',
  'identityLifetime',
  'rotationOverlap',
];

/** @throws {TaperError} `option_invalid`. */
export function createAgents(options: AgentsOptions): Agents {
  const context = contextOf(options);
  const { store, clock } = context;

  async function issue(agent: AgentRecord, key: KeyRecord): Promise<IssuedIdentity> {
    const now = clock();
    const expiresAt = Math.min(now + context.identityLifetime, key.endsAt ?? Infinity);
    const document = await makeIdentityDocument({
      issuer: context.issuer,
      signer: context.identity,
      spiffeId: agent.spiffeId,
      key: importPublicKey(key.jwk),
      now,
      expiresAt,
      id: freshId(now, context.random),
    });
    return { agent, document, expiresAt };
  }

  async function agentOfKey(thumbprint: string): Promise<KnownAgent> {
    return await store.read((tx) => requireAgentOfKey(tx, thumbprint, clock()));
  }

  async function renewIdentity({ key }: Possession): Promise<IssuedIdentity> {
    const known = await agentOfKey(key.thumbprint);
    return await issue(known.agent, known.key);
  }

  return Object.freeze<Agents>({
    createEnrolment: (request) => createEnrolment(context, request),
    async enrol(request) {
      await enrol(context, request);
      return await renewIdentity(request.possession);
    },
    renewIdentity,
    agentOfKey,
    suspend: (request) => suspend(context, request),
    resume: (request) => resume(context, request),
    retire: (request) => retire(context, request),
    rotateKey: (request) => rotateAgentKey(context, request),
    markCompromised: (request) => markCompromised(context, request),
    list: (page) => store.read((tx) => tx.listAgents(page)),
    find: (spiffeId) =>
      store.read(async (tx) => {
        const agent = await requireAgent(tx, spiffeId);
        return { agent, keys: await tx.listKeys('agent', agent.id) };
      }),
  });
}

function contextOf(options: AgentsOptions): IdentityContext {
  requireKnownOptions(options, OPTIONS);
  const { issuer, trustDomain, identity, root, ownKeys = [], workloads } = options;
  const { identityLifetime = 3600, rotationOverlap = 3600 } = options;
  if (typeof issuer !== 'string' || issuer === '') throw invalid('issuer');
  if (!isTrustDomain(trustDomain)) throw invalid('trustDomain');
  if (typeof options.clock !== 'function') throw invalid('clock');
  if (typeof options.random !== 'function') throw invalid('random');
  if (!isWithin(identityLifetime, 60, 86_400)) throw invalid('identityLifetime');
  if (!isWithin(rotationOverlap, 0, 30 * 86_400)) throw invalid('rotationOverlap');
  const keys = [identity.publicKey, root.publicKey];
  if (keys[0]?.thumbprint === keys[1]?.thumbprint) throw invalid('identity');
  return Object.freeze({
    store: options.store,
    issuer,
    trustDomain,
    identity,
    root,
    clock: options.clock,
    random: options.random,
    workloads,
    reserved: new Set([...keys, ...ownKeys].map(({ thumbprint }) => thumbprint)),
    identityLifetime,
    rotationOverlap,
  });
}

function isWithin(value: number, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= min && value <= max;
}

function invalid(option: string): TaperError {
  return new TaperError('option_invalid', `The option \`${option}\` is not usable.`, {
    hint:
      option === 'identity'
        ? 'A key serves one purpose: identity documents and tokens are signed by two.'
        : `Look at \`${option}\` in AgentsOptions.`,
  });
}
