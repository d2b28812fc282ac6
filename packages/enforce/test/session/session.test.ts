import { inspect } from 'node:util';
import { approve } from '@taper/core';
import { describe, expect, test } from 'vitest';
import { createAuditRecorder } from '../../src/audit/recorder.ts';
import {
  createMemoryAuditSink,
  createMemoryRevocationView,
  createSessionTable,
  type EnforcementPoint,
  type EnforcementPointOptions,
  type InitiatorSession,
  initiateSession,
  type SessionTableOptions,
} from '../../src/index.ts';
import { createMemoryApprovalSource } from '../../src/memory/approval-source.ts';
import {
  AUDIENCE,
  ada,
  agent,
  chainOf,
  codeOf,
  NOW,
  newSigner,
  PAYMENT,
  pointWith,
} from '../judge/scene.ts';

const responder = newSigner();

function tableWith(options: Partial<SessionTableOptions> = {}) {
  return createSessionTable({ signer: responder, audience: AUDIENCE, tools: ['pay'], ...options });
}

async function open(
  point: EnforcementPoint,
  chain?: Awaited<ReturnType<typeof chainOf>>,
  now = NOW,
): Promise<InitiatorSession> {
  const { hello, complete } = initiateSession({
    chains: [chain ?? (await chainOf())],
    signers: [agent],
    audience: AUDIENCE,
    responderKey: responder.publicKey,
  });
  const welcome = await point.sessions?.hello(JSON.parse(JSON.stringify(hello)));
  if (welcome === undefined || 'code' in welcome) throw new Error(`refused: ${welcome?.code}`);
  const { finish, session } = await complete(JSON.parse(JSON.stringify(welcome)), now);
  const done = await point.sessions?.finish(JSON.parse(JSON.stringify(finish)));
  if (done === undefined || 'code' in done) throw new Error(`refused: ${done?.code}`);
  expect(done.session).toBe(session.id);
  return session;
}

const TEXT = JSON.stringify(PAYMENT);

function sessionPoint(
  options: Partial<EnforcementPointOptions> = {},
  table: Partial<SessionTableOptions> = {},
) {
  return pointWith({ sessions: tableWith(table), ...options });
}

describe('a request in a session', () => {
  test('is permitted without a proof, with all that a permit says', async () => {
    const point = sessionPoint();
    const session = await open(point);
    const decision = await point.authorize(session.request('pay', TEXT), 'pay', TEXT);
    expect(decision).toMatchObject({ verdict: 'permit', proof: undefined, args: PAYMENT });
  });

  test('is permitted once: its number is used (E02)', async () => {
    const point = sessionPoint();
    const session = await open(point);
    const request = session.request('pay', TEXT);
    expect(codeOf(await point.authorize(request, 'pay', TEXT))).toBe('permit');
    expect(codeOf(await point.authorize(request, 'pay', TEXT))).toBe('session_sequence_replayed');
  });

  test('sent many times at once is permitted once (E16)', async () => {
    const point = sessionPoint();
    const session = await open(point);
    const request = session.request('pay', TEXT);
    const codes = await Promise.all(
      Array.from({ length: 20 }, () => point.authorize(request, 'pay', TEXT).then(codeOf)),
    );
    expect(codes.filter((code) => code === 'permit')).toHaveLength(1);
  });

  test('may overtake others within the window, and not beyond it', async () => {
    const point = sessionPoint();
    const session = await open(point);
    const requests = Array.from({ length: 1026 }, () => session.request('pay', TEXT));
    const at = async (index: number) => codeOf(await point.authorize(requests[index], 'pay', TEXT));
    expect(await at(1024)).toBe('permit'); // number 1025
    expect(await at(0)).toBe('session_sequence_old'); // number 1 lies 1024 behind
    expect(await at(1)).toBe('permit');
    expect(await at(1)).toBe('session_sequence_replayed');
    expect(await at(1025)).toBe('permit');
    expect(await at(1)).toBe('session_sequence_old');
  });

  test.each<[string, (session: InitiatorSession) => [unknown, string, string]]>([
    ['other arguments (E14)', (s) => [s.request('pay', TEXT), 'pay', TEXT.replace('120', '121')]],
    ['the same arguments in other bytes', (s) => [s.request('pay', TEXT), 'pay', `${TEXT} `]],
    ['another tool', (s) => [s.request('pay', TEXT), 'read', TEXT]],
    ['another number', (s) => [{ ...s.request('pay', TEXT), taper_sequence: 7 }, 'pay', TEXT]],
    [
      'another code',
      (s) => [{ ...s.request('pay', TEXT), taper_mac: 'A'.repeat(43) }, 'pay', TEXT],
    ],
  ])('with %s is refused', async (_what, make) => {
    const point = sessionPoint();
    const [wire, tool, text] = make(await open(point));
    expect(codeOf(await point.authorize(wire, tool, text))).toBe('session_mac_invalid');
  });

  test('of one session is none of another (E17)', async () => {
    const point = sessionPoint();
    const [one, two] = [await open(point), await open(point)];
    const request = { ...one.request('pay', TEXT), taper_session: two.id };
    expect(codeOf(await point.authorize(request, 'pay', TEXT))).toBe('session_mac_invalid');
  });

  test.each<[string, (request: object) => unknown]>([
    ['a member too many', (request) => ({ ...request, aat_chain: [] })],
    ['no code', ({ taper_mac: _, ...rest }: { taper_mac?: string }) => rest],
    ['a code of another length', (request) => ({ ...request, taper_mac: 'AAAA' })],
    ['a code with padding', (request) => ({ ...request, taper_mac: `${'A'.repeat(43)}=` })],
    ['a number that is text', (request) => ({ ...request, taper_sequence: '1' })],
    ['number 0', (request) => ({ ...request, taper_sequence: 0 })],
    ['a fraction', (request) => ({ ...request, taper_sequence: 1.5 })],
    ['a number beyond 2^53', (request) => ({ ...request, taper_sequence: 2 ** 53 })],
  ])('with %s is malformed', async (_what, change) => {
    const point = sessionPoint();
    const request = change((await open(point)).request('pay', TEXT));
    expect(codeOf(await point.authorize(request, 'pay', TEXT))).toBe('session_malformed');
  });

  test('of a session that nobody opened, or where there are none, is refused (V08)', async () => {
    const session = await open(sessionPoint());
    const request = session.request('pay', TEXT);
    expect(codeOf(await sessionPoint().authorize(request, 'pay', TEXT))).toBe('session_unknown');
    expect(codeOf(await pointWith().authorize(request, 'pay', TEXT))).toBe('session_unknown');
  });

  test('for a tool that the resource owner did not list needs a proof', async () => {
    const point = sessionPoint({}, { tools: ['read'] });
    const session = await open(point);
    expect(() => session.request('pay', TEXT)).toThrow(
      expect.objectContaining({ code: 'session_refused' }),
    );
    expect(codeOf(await point.authorize(session.request('read', '{}'), 'read', '{}'))).toBe(
      'permit',
    );
  });

  test('is checked against constraints like any other call', async () => {
    const point = sessionPoint();
    const session = await open(point);
    const much = JSON.stringify({ ...PAYMENT, amount: '200.01' });
    expect(codeOf(await point.authorize(session.request('pay', much), 'pay', much))).toBe(
      'argument_refused',
    );
    const twice = '{"order":"o-1","order":"o-1","amount":"1.00"}';
    expect(codeOf(await point.authorize(session.request('pay', twice), 'pay', twice))).toBe(
      'arguments_malformed',
    );
  });

  test('that was refused has not used its number', async () => {
    let denied = true;
    const point = sessionPoint({
      policy: {
        decide: () => ({
          verdict: denied ? 'deny' : 'permit',
          approvals: [],
          policy: { id: 'p', version: '1' },
          reasons: [],
        }),
      },
    });
    const request = (await open(point)).request('pay', TEXT);
    expect(codeOf(await point.authorize(request, 'pay', TEXT))).toBe('policy_denied');
    denied = false;
    expect(codeOf(await point.authorize(request, 'pay', TEXT))).toBe('permit');
  });
});

describe('approvals of a request in a session', () => {
  test('count when they came in where they are asked for: the same request, or the next, runs once', async () => {
    const groups = { finance: [{ name: 'Ada', key: ada.publicKey }] };
    const source = createMemoryApprovalSource({ groups });
    const point = sessionPoint({ approvals: source });
    const chain = await chainOf({ root: { approvals: { pay: { finance: 1 } } } });
    const session = await open(point, chain);
    const request = session.request('pay', TEXT);
    const asked = await point.authorize(request, 'pay', TEXT);
    if (asked.verdict !== 'approval_required') throw new Error(`was ${codeOf(asked)}`);
    const { action } = asked.pending;
    const approval = await approve({ action, group: 'finance', signer: ada, now: NOW, id: 'a-1' });
    // A request has no room for them.
    const carried = { ...request, taper_approvals: [approval] };
    expect(codeOf(await point.authorize(carried, 'pay', TEXT))).toBe('session_malformed');
    expect(await source.submit(approval, NOW)).not.toHaveProperty('code');
    expect(codeOf(await point.authorize(request, 'pay', TEXT))).toBe('permit');
    expect(codeOf(await point.authorize(request, 'pay', TEXT))).toBe('session_sequence_replayed');
    expect(codeOf(await point.authorize(session.request('pay', TEXT), 'pay', TEXT))).toBe(
      'approval_required',
    );
  });
});

describe('a session', () => {
  test('ends when it says, with no grace, and no later than any token of its chain', async () => {
    for (const [lifetime, chainLife, ends] of [
      [60, 600, 60],
      [300, 100, 100],
    ] as const) {
      let now = NOW;
      const point = sessionPoint({ clock: { now: () => now } }, { lifetime });
      const session = await open(point, await chainOf({}, chainLife));
      expect(session.expiresAt).toBe(NOW + ends);
      now = NOW + ends - 1;
      expect(codeOf(await point.authorize(session.request('pay', TEXT), 'pay', TEXT))).toBe(
        'permit',
      );
      now = NOW + ends;
      expect(codeOf(await point.authorize(session.request('pay', TEXT), 'pay', TEXT))).toBe(
        'session_expired',
      );
    }
  });

  test('ends with the revocation of any token or key on its chain', async () => {
    const view = createMemoryRevocationView();
    const point = sessionPoint({ revocation: view });
    const chain = await chainOf();
    const session = await open(point, chain);
    expect(codeOf(await point.authorize(session.request('pay', TEXT), 'pay', TEXT))).toBe('permit');
    view.revoke({ key: chain.tokens[0]?.claims.holder.thumbprint as string }, NOW);
    expect(codeOf(await point.authorize(session.request('pay', TEXT), 'pay', TEXT))).toBe(
      'revoked',
    );
    await expect(open(point, chain)).rejects.toThrow('refused: revoked');
  });

  test('ends when the responder ends it, for a key, a token, or altogether', async () => {
    const chain = await chainOf();
    for (const end of [
      (table: ReturnType<typeof tableWith>, id: string) => table.end(id),
      (table: ReturnType<typeof tableWith>) => table.endFor(agent.publicKey.thumbprint),
      (table: ReturnType<typeof tableWith>) => table.endFor(chain.leaf.hash),
      (table: ReturnType<typeof tableWith>) => table.close(),
    ]) {
      const table = tableWith();
      const point = pointWith({ sessions: table });
      const session = await open(point, chain);
      end(table, session.id);
      expect(codeOf(await point.authorize(session.request('pay', TEXT), 'pay', TEXT))).toBe(
        'session_unknown',
      );
    }
  });

  test('is in the audit log when it is opened, and so is each request, by its identifier', async () => {
    const sink = createMemoryAuditSink();
    const audit = createAuditRecorder({ sink, signer: newSigner(), emitter: 'point' });
    const point = sessionPoint({ audit });
    const session = await open(point);
    await point.authorize(session.request('pay', TEXT), 'pay', TEXT);
    const events = sink.lines('point').map(({ line }) => JSON.parse(line));
    expect(events.map(({ event_type, decision }) => [event_type, decision])).toEqual([
      ['session', 'opened'],
      ['decision', 'permit'],
    ]);
    expect(events.map((event) => event.session)).toEqual([session.id, session.id]);
  });

  test('does not begin when it cannot be written down', async () => {
    const audit = { record: () => Promise.reject(new Error('disk full')) };
    await expect(open(sessionPoint({ audit: audit as never }))).rejects.toThrow(
      'audit_unavailable',
    );
  });

  test('shows no key to whoever prints it (Q15, T01)', async () => {
    const table = tableWith();
    const point = pointWith({ sessions: table });
    const session = await open(point);
    const request = session.request('pay', TEXT);
    const authenticated = table.authenticate(request, 'pay', TEXT, NOW);
    const shown = [session, table, authenticated, point].map(
      (value) => `${inspect(value, { depth: 9, showHidden: true })} ${JSON.stringify(value)}`,
    );
    for (const text of shown) expect(text).not.toMatch(/KeyObject|Secret/);
  });
});
