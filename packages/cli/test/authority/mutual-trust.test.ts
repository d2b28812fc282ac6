import { randomBytes } from 'node:crypto';
import { verifyIdentityDocument } from '@taper/authority/identity';
import { resultOf } from '@taper/cli/administrator-client';
import { createHolderClient } from '@taper/cli/holder-client';
import {
  consentToRotation,
  createSigner,
  type Denial,
  generateKeyPair,
  importPublicKey,
  parseNoteKey,
  type Signer,
  type VerifiedChain,
} from '@taper/core';
import {
  createEnforcementPoint,
  createSessionTable,
  type EnforcementDecision,
  type EnforcementPoint,
  type InitiatorSession,
  initiateSession,
  type MetPeer,
  meetPeer,
} from '@taper/enforce';
import { openRevocationFollower, type RevocationFollower } from '@taper/log';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { World } from './world.ts';

/** An agent with its key, its identity document, and a root for what it may ask of others. */
interface Agent {
  readonly id: string;
  readonly name: string;
  readonly signer: Signer;
  readonly document: string;
}

const DESK = 'https://desk.example';
const TENANT = 'acme';

let world: World;
let follower: RevocationFollower;
let asker: Agent;
let desk: Agent;
let point: EnforcementPoint;

/** Enrols at the authority by a one-time token, as an agent does. */
async function enrol(name: string): Promise<Agent> {
  const { token } = resultOf(
    await world.client().POST('/admin/tenants/{tenant}/enrolments', {
      params: { path: { tenant: TENANT } },
      body: { agent: name },
    }),
  );
  const signer = createSigner(generateKeyPair().privateJwk);
  const client = createHolderClient(world.url, signer, world.clock, (n) => randomBytes(n));
  const answer = await client.send({ path: '/agents', body: { enrolment: token } });
  return {
    id: String(answer['spiffe_id']),
    name,
    signer,
    document: String(answer['identity']),
  };
}

async function rootFor(agent: Agent): Promise<VerifiedChain> {
  const client = createHolderClient(world.url, agent.signer, world.clock, (n) => randomBytes(n));
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: agent.id,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe',
    client_assertion: agent.document,
    req_cnf: JSON.stringify({ jwk: agent.signer.publicKey.jwk }),
    authorization_details: JSON.stringify([
      { type: 'attenuating_agent_token', tools: { ask: { '*': { constraint_type: 'wildcard' } } } },
    ]),
  });
  const answer = await client.send({ path: '/oauth/token', body: form });
  return world.verify([String(answer['access_token'])]);
}

/** What the authority publishes of its keys. */
function published() {
  const { issuer, log, authority_keys, identity_keys } = JSON.parse(world.read('anchors.json'));
  const key = parseNoteKey(log.key);
  if (key === undefined) throw new Error('no key of the log');
  return {
    issuer: issuer as string,
    trust: { origin: log.origin as string, keys: [key], witnesses: [], quorum: 0 },
    authority: (authority_keys as unknown[]).map(importPublicKey),
    identity: (identity_keys as unknown[]).map(importPublicKey),
  };
}

/** What the asker knows of the desk from its document and the log, before it says anything. */
function meet(document = desk.document): Promise<MetPeer | Denial> {
  const { issuer, identity } = published();
  return meetPeer({
    document,
    identify: (given, now) =>
      verifyIdentityDocument(
        given,
        { issuer, keys: identity, trustDomain: 'taper.localhost' },
        now,
      ),
    directory: follower.agents as NonNullable<typeof follower.agents>,
    revocation: follower,
    tenant: TENANT,
    peers: 'enrolled',
    now: world.clock(),
  });
}

/** Both sides prove their keys to each other; what the asker says afterwards is under the session. */
async function shakeHands(chain: VerifiedChain): Promise<InitiatorSession | Denial> {
  const peer = await meet();
  if ('code' in peer) return peer;
  const initiation = initiateSession({
    chains: [chain],
    signers: [asker.signer],
    audience: DESK,
    responderKey: peer.key,
  });
  const welcome = await point.sessions?.hello(initiation.hello);
  if (welcome === undefined || 'code' in welcome) return welcome as Denial;
  const { finish, session } = await initiation.complete(welcome, world.clock());
  const opened = await point.sessions?.finish(finish);
  return opened === undefined || 'code' in opened ? (opened as Denial) : session;
}

async function ask(session: InitiatorSession): Promise<EnforcementDecision> {
  const args = '{"question":"how many"}';
  return point.authorize(session.request('ask', args), 'ask', args);
}

function codeOf(decision: EnforcementDecision | Denial | InitiatorSession | MetPeer): string {
  if ('code' in decision) return decision.code;
  if (!('verdict' in decision)) return 'fine';
  return decision.verdict === 'permit' ? 'permit' : decision.denial.code;
}

/** Waits until the follower has what the log has now. */
async function settled(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    if (isSo()) return;
    await follower.poll();
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('The follower does not come to know it.');
}

function stateOf({ signer }: Agent): string {
  const found = follower.agents?.find(signer.publicKey.thumbprint, TENANT, world.clock());
  if (found?.verdict !== 'known' || found.asOf === 0) return 'unknown';
  return found.standing === 'unlisted' ? found.agent.state : found.standing;
}

beforeEach(async () => {
  world = await new World().start();
  asker = await enrol('asker');
  desk = await enrol('desk');
  resultOf(
    await world.client().PUT('/admin/grants', {
      params: { query: { expected: '0' } },
      body: {
        type: 'taper-grants',
        version: 1,
        grants: [
          {
            name: 'ask',
            tenant: TENANT,
            agents: ['asker'],
            tools: { ask: { '*': { constraint_type: 'wildcard' } } },
            audience: [DESK],
            max_depth: 0,
            max_depth_reason: 'it asks itself',
            lifetime: 600,
            ends: '2099-01-01T00:00:00Z',
          },
        ],
      } as never,
    }),
  );
  const { trust, authority } = published();
  follower = await openRevocationFollower({
    source: `${world.url}/log`,
    trust,
    authority,
    agents: true,
  });
  point = createEnforcementPoint({
    audience: DESK,
    tenant: TENANT,
    anchors: world.anchors,
    clock: { now: world.clock },
    revocation: follower,
    agents: {
      directory: follower.agents as NonNullable<typeof follower.agents>,
      callers: 'enrolled',
    },
    sessions: createSessionTable({ signer: desk.signer, audience: DESK, tools: ['ask', 'tell'] }),
    requireProofAudience: true,
  });
  await settled(() => stateOf(asker) === 'active' && stateOf(desk) === 'active');
});

afterEach(() => follower?.close());

describe('two agents of one authority', () => {
  test('know each other by document and log, prove their keys, and each call is authorized', async () => {
    const session = await shakeHands(await rootFor(asker));
    expect(codeOf(session)).toBe('fine');
    expect(codeOf(await ask(session as InitiatorSession))).toBe('permit');
    const beyond = (session as InitiatorSession).request('tell', '{}');
    expect(codeOf(await point.authorize(beyond, 'tell', '{}'))).toBe('tool_not_granted');
  });

  test('do not take another agent’s true document for the desk’s: the handshake proves the key', async () => {
    const peer = await meet(asker.document);
    expect(codeOf(peer)).toBe('fine');
    const initiation = initiateSession({
      chains: [await rootFor(asker)],
      signers: [asker.signer],
      audience: DESK,
      responderKey: (peer as MetPeer).key,
    });
    const welcome = await point.sessions?.hello(initiation.hello);
    await expect(initiation.complete(welcome, world.clock())).rejects.toMatchObject({
      code: 'session_refused',
    });
  });

  test('do not meet on a document that is forged, foreign or out of date', async () => {
    const [header = '', claims = '', signature = ''] = desk.document.split('.');
    expect(codeOf(await meet(`${header}.${claims}.${signature.toLowerCase()}`))).toBe(
      'agent_unknown',
    );
    expect(codeOf(await meet(''))).toBe('agent_unknown');
    world.ahead = 3601;
    expect(codeOf(await meet())).not.toBe('fine');
  });

  test('do not meet on a document that outlives its key: one that was compromised, or replaced (A04, M16, Q01)', async () => {
    const agent = '/admin/tenants/{tenant}/agents/{agent}';
    const path = { tenant: TENANT, agent: 'desk' };
    const fresh = createSigner(generateKeyPair().privateJwk);
    const acceptance = await consentToRotation({
      signer: fresh,
      issuer: published().issuer,
      subject: desk.id,
      oldKey: desk.signer.publicKey,
      newKey: fresh.publicKey,
      now: world.clock(),
    });
    resultOf(
      await world.client().POST(`${agent}/key`, {
        params: { path },
        body: { key: { ...fresh.publicKey.jwk }, acceptance, overlap: 0 },
      }),
    );
    await settled(() => follower.agents?.agentOf(fresh.publicKey.thumbprint) === desk.id);
    expect(codeOf(await meet())).toBe('key_rotated');
    expect(codeOf(await meet(asker.document))).toBe('fine');
    const stolen = asker.signer.publicKey.thumbprint;
    resultOf(
      await world.client().POST(`${agent}/compromise`, {
        params: { path: { tenant: TENANT, agent: 'asker' } },
        body: { key: stolen },
      }),
    );
    await settled(() => follower.status().revoked > 0);
    expect(codeOf(await meet(asker.document))).toBe('revoked');
  });

  test('stop as soon as one of them is suspended, in a session that is open as well', async () => {
    const chain = await rootFor(asker);
    const session = (await shakeHands(chain)) as InitiatorSession;
    expect(codeOf(await ask(session))).toBe('permit');
    const path = { tenant: TENANT, agent: 'asker' };
    const suspended = '/admin/tenants/{tenant}/agents/{agent}/suspend';
    resultOf(await world.client().POST(suspended, { params: { path } }));
    await settled(() => stateOf(asker) === 'suspended');
    expect(codeOf(await ask(session))).toBe('agent_not_active');
    expect(codeOf(await shakeHands(chain))).toBe('agent_not_active');
  });

  test('stop when the tenant blocks one, on both sides, and go on when that is taken back', async () => {
    const chain = await rootFor(asker);
    const session = (await shakeHands(chain)) as InitiatorSession;
    const params = { path: { tenant: TENANT } };
    const block = async (agent: Agent): Promise<void> => {
      resultOf(
        await world.client().POST('/admin/tenants/{tenant}/peers/block', {
          params,
          body: { agent: agent.id, reason: 'test' },
        }),
      );
      await settled(() => stateOf(agent) === 'blocked');
    };
    await block(asker);
    expect(codeOf(await ask(session))).toBe('agent_blocked');
    resultOf(
      await world.client().POST('/admin/tenants/{tenant}/peers/remove', {
        params,
        body: { agent: asker.id },
      }),
    );
    await settled(() => stateOf(asker) === 'active');
    expect(codeOf(await ask(session))).toBe('permit');
    await block(desk);
    expect(codeOf(await meet())).toBe('agent_blocked');
  });
});
