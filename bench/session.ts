import { createHmac, createSecretKey } from 'node:crypto';
import type { VerifiedChain } from '@taper/core';
import {
  createMemoryRevocationView,
  createSessionTable,
  type EnforcementPoint,
  type InitiatorSession,
  initiateSession,
  type SessionTable,
} from '@taper/enforce';
import { typicalVerifier } from './calls.ts';
import type { Figure, Section, Target } from './figure.ts';
import { asyncSubject, type Effort, measure, microseconds, ratio, subject } from './measure.ts';
import { permitAt } from './point.ts';
import { pointWith } from './ports.ts';
import { ARGS, AUDIENCE, NOW, received, signerAt, TOOL, typicalChain } from './scene.ts';

const HOPS = 3;
const ARGS_TEXT = JSON.stringify(ARGS);

/** What a request may take when one core is to judge 100,000 in a second; microseconds. */
const LIMIT = 10;

/** The key of the enforcement point, which the agent knows. */
const responder = signerAt(0);

/** Requests in a session, with all checks of a signed call; without a budget. */
export async function measureSession(
  effort: Effort,
): Promise<{ section: Section; targets: readonly Target[] }> {
  const chain = await typicalChain(HOPS);
  const revocation = createMemoryRevocationView();
  revocation.revoke({ token: 'A'.repeat(43) }, NOW); // or nothing would be looked up
  revocation.revoke({ key: 'A'.repeat(43) }, NOW);
  const point = pointWith({ revocation, sessions: sessionTable() });
  const session = await openSession(point, chain);
  const verifier = typicalVerifier();
  const verdict = verifier.verifyChain(
    chain.tokens.map(({ compact }) => compact),
    NOW,
  );
  if (verdict.verdict !== 'verified') throw new Error(verdict.denial.code);
  const key = createSecretKey(Buffer.alloc(32, 7));
  const message = Buffer.alloc(60 + TOOL.length + ARGS_TEXT.length, 'x');
  const samples = await measure(
    [
      subject(
        'HMAC',
        () => message,
        (bytes) => createHmac('sha256', key).update(bytes).digest(),
      ),
      subject(
        'constraints and times',
        () => received(ARGS_TEXT),
        (args) => {
          const call = { chain: verdict.chain, tool: TOOL, args, now: NOW };
          if (verifier.authorizeInSession(call).verdict !== 'permit') throw new Error('refused');
        },
      ),
      asyncSubject(
        'whole request',
        // As it comes from JSON text: the strings are new to the engine.
        () => JSON.parse(received(JSON.stringify(session.request(TOOL, ARGS_TEXT)))),
        (request) => permitAt(point, request),
      ),
    ],
    effort,
  );
  const figures = ['constraints and times', 'whole request'].map(
    (name): Figure => ({
      name,
      signatures: 0,
      microseconds: microseconds(samples, name),
      raw: microseconds(samples, 'HMAC'),
      ratio: ratio(samples, name, 'HMAC'),
    }),
  );
  return {
    section: {
      title: `A request in a session, chain of ${HOPS} hops`,
      legend:
        'All of `authorize` with code, number, expiry, constraints and revocation checked. ' +
        `Bare: one HMAC-SHA-256 over the request. ${LIMIT} µs are ${1e6 / LIMIT} a second on one core.`,
      figures,
    },
    targets: [
      {
        name: 'request in a session',
        limit: LIMIT,
        value: microseconds(samples, 'whole request'),
        unit: 'µs',
      },
    ],
  };
}

/** The sessions of an enforcement point for typical chains; at most so many. */
export function sessionTable(maxSessions = 1000): SessionTable {
  const options = { signer: responder, audience: AUDIENCE, tools: [TOOL] };
  return createSessionTable({ ...options, maxSessions });
}

/** Opens a session for the holder of a chain's leaf. */
export async function openSession(
  point: EnforcementPoint,
  chain: VerifiedChain,
  now: number = NOW,
): Promise<InitiatorSession> {
  const { hello, complete } = initiateSession({
    chains: [chain],
    signers: [signerAt(chain.tokens.length)],
    audience: AUDIENCE,
    responderKey: responder.publicKey,
  });
  const welcome = await point.sessions?.hello(hello);
  if (welcome === undefined || 'code' in welcome) throw new Error(`No welcome: ${welcome?.code}.`);
  const { finish, session } = await complete(welcome, now);
  const done = await point.sessions?.finish(finish);
  if (done === undefined || 'code' in done) throw new Error(`Not finished: ${done?.code}.`);
  return session;
}
