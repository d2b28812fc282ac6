import {
  type CaveatsInit,
  createSigner,
  derive,
  generateKeyPair,
  issue,
  type JsonObject,
  type Presentation,
  prove,
  type Signer,
  type ToolMap,
  type VerifiedChain,
} from '@taper/core';
import {
  createEnforcementPoint,
  type EnforcementDecision,
  type EnforcementPoint,
  type EnforcementPointOptions,
} from '../../src/index.ts';

/** Seconds since the epoch. */
export const NOW = 1_800_000_000;
export const AUDIENCE = 'https://tools.example.com';
export const ISSUER = 'https://auth.example.com';

/** Who takes part, with keys of this run. */
export const authority: Signer = newSigner();
export const orchestrator: Signer = newSigner();
export const agent: Signer = newSigner();
export const ada: Signer = newSigner();
export const grace: Signer = newSigner();

let serial = 0;

export function nextId(): string {
  serial += 1;
  return `id-${serial}`;
}

export function newSigner(): Signer {
  return createSigner(generateKeyPair().privateJwk);
}

const TOOLS: ToolMap = {
  pay: {
    order: { constraint_type: 'exact', value: 'o-1' },
    amount: { constraint_type: 'decimal', min: '0', max: '200.00', scale: 2 },
  },
  read: {},
};

/** Authority → orchestrator. */
export function rootOf(caveats?: CaveatsInit, lifetime = 600): Promise<VerifiedChain> {
  return issue({
    issuer: ISSUER,
    signer: authority,
    holder: orchestrator.publicKey,
    tools: TOOLS,
    now: NOW,
    id: nextId(),
    lifetime,
    maxDepth: 3,
    ...(caveats === undefined ? {} : { caveats }),
  });
}

/** A token from the orchestrator to the agent, or to somebody else. */
export function childOf(
  root: VerifiedChain,
  caveats?: CaveatsInit,
  holder: Signer = agent,
  tools: ToolMap = TOOLS,
): Promise<VerifiedChain> {
  return derive(root, {
    signer: orchestrator,
    holder: holder.publicKey,
    tools,
    now: NOW,
    id: nextId(),
    ...(caveats === undefined ? {} : { caveats }),
  });
}

/** Authority → orchestrator → agent; caveats at either hop. */
export async function chainOf(
  caveats: { readonly root?: CaveatsInit; readonly leaf?: CaveatsInit } = {},
  lifetime = 600,
): Promise<VerifiedChain> {
  return childOf(await rootOf(caveats.root, lifetime), caveats.leaf);
}

export const PAYMENT: JsonObject = { order: 'o-1', amount: '120.00' };

export function present(
  chain: VerifiedChain,
  { tool = 'pay', args = PAYMENT, now = NOW, signer = agent } = {},
): Promise<Presentation> {
  return prove(chain, { signer, tool, args, now, id: nextId(), audience: AUDIENCE });
}

export function pointWith(options: Partial<EnforcementPointOptions> = {}): EnforcementPoint {
  return createEnforcementPoint({
    audience: AUDIENCE,
    anchors: [{ issuer: ISSUER, key: authority.publicKey }],
    clock: { now: () => NOW },
    report: () => {},
    ...options,
  });
}

/** Presents a fresh proof for a payment. */
export async function pay(
  point: EnforcementPoint,
  chain: VerifiedChain,
  extra: object = {},
): Promise<EnforcementDecision> {
  return point.authorize({ ...(await present(chain)), ...extra }, 'pay', PAYMENT);
}

export function codeOf(decision: EnforcementDecision): string {
  return decision.verdict === 'permit' ? 'permit' : decision.denial.code;
}
