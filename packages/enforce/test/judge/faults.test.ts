import { describe, expect, test } from 'vitest';
import { createAuditRecorder } from '../../src/audit/recorder.ts';
import {
  type ApprovalSource,
  type BudgetLedger,
  createMemoryAuditSink,
  createMemoryBudgetLedger,
  createMemoryReplayStore,
  createMemoryRevocationView,
  type EnforcementPointOptions,
  type MemoryAuditSink,
  type PolicyEngine,
  type ReplayStore,
  type RevocationView,
} from '../../src/index.ts';
import { chainOf, codeOf, NOW, newSigner, pay, pointWith } from './scene.ts';

// Every way in which a port can fail, at every function that is asked during a call, before and after its state has changed.

type Ask = (...args: never[]) => unknown;

/** How a port fails: `before` never reaches it, `after` has changed its state already. */
const FAULTS: readonly (readonly [string, (real: () => unknown) => unknown])[] = [
  ['throws before', () => fail()],
  ['throws after', (real) => after(real, fail)],
  ['rejects before', () => Promise.reject(new Error('down'))],
  ['rejects after', async (real) => after(await real(), fail)],
  ['never answers, before', () => new Promise(() => {})],
  ['never answers, after', (real) => after(real, () => new Promise(() => {}))],
  ['answers late', (real) => new Promise((done) => setTimeout(() => done(real()), 200))],
  ['answers null', (real) => after(real, () => null)],
  ['answers true', (real) => after(real, () => true)],
  ['answers nonsense', (real) => after(real, () => 'ok')],
  ['answers an empty object', (real) => after(real, () => ({}))],
  [
    'answers with a getter that throws',
    (real) => after(real, () => new Proxy({}, { get: fail, has: fail })),
  ],
];

/** Has the port do its work, and answers something else. */
function after(real: unknown, answer: () => unknown): unknown {
  if (typeof real === 'function') real();
  return answer();
}

function fail(): never {
  throw new Error('down');
}

/** The port, failing once at one function. */
function failingOnce<Port extends object>(
  port: Port,
  name: keyof Port,
  fault: (real: () => unknown) => unknown,
): Port {
  let failed = false;
  const real = port[name] as Ask;
  return {
    ...port,
    [name]: (...args: never[]) => {
      const ask = (): unknown => real.apply(port, args);
      if (failed) return ask();
      failed = true;
      return fault(ask);
    },
  };
}

const PORT_TIMEOUT = 50;
/** Where nothing fails any more, a busy machine is not to be taken for a port that does not answer. */
const PATIENCE = 5000;
const EMITTER = 'point';
const caveats = {
  root: { budget: { calls: '1', EUR: '120.00' } },
  leaf: { revocation: { log: 'log.example', epoch: 0, max_staleness: 30 } },
};
const permitAll: PolicyEngine = {
  decide: () => ({
    verdict: 'permit',
    approvals: [],
    policy: { id: 'p', version: '1' },
    reasons: [],
  }),
};

interface Ports {
  replay: ReplayStore;
  ledger: BudgetLedger;
  revocation: RevocationView;
  policy: PolicyEngine;
  sink: MemoryAuditSink;
}

function realPorts(): Ports {
  return {
    replay: createMemoryReplayStore(),
    ledger: createMemoryBudgetLedger(),
    revocation: createMemoryRevocationView({ logs: ['log.example'] }),
    policy: permitAll,
    sink: createMemoryAuditSink(),
  };
}

function pointOn(
  { sink, ...ports }: Ports,
  more: Partial<EnforcementPointOptions> = {},
  timeout = PATIENCE,
) {
  const audit = createAuditRecorder({
    sink,
    signer: newSigner(),
    emitter: EMITTER,
    timeout,
  });
  return pointWith({
    ...ports,
    audit,
    meters: { EUR: (_tool, { amount }) => amount as string },
    portTimeout: timeout,
    ...more,
  });
}

test('without faults the call is permitted once, and takes all of the budget', async () => {
  const ports = realPorts();
  const chain = await chainOf(caveats);
  expect(codeOf(await pay(pointOn(ports), chain))).toBe('permit');
  expect(codeOf(await pay(pointOn(ports), chain))).toBe('budget_exceeded');
});

const CASES: readonly (readonly [keyof Ports, string, string])[] = [
  ['replay', 'accept', 'replay_store_unavailable'],
  ['ledger', 'reserve', 'budget_ledger_unavailable'],
  ['ledger', 'settle', 'budget_ledger_unavailable'],
  ['revocation', 'check', 'revocation_unavailable'],
  ['policy', 'decide', 'policy_unavailable'],
];

describe.each(CASES)('%s.%s', (port, name, code) => {
  test.each(FAULTS)(
    '%s: the call is refused with its own code, and the point goes on',
    async (_fault, fault) => {
      const ports = realPorts();
      const faulty = { ...ports, [port]: failingOnce(ports[port], name as never, fault) };
      const chain = await chainOf(caveats);
      const point = pointOn(faulty, {}, PORT_TIMEOUT);
      expect(codeOf(await pay(point, chain))).toBe(code);
      // Nothing is spent twice, and what was reserved does not stay reserved for ever.
      const later = pointOn(faulty, { clock: { now: () => NOW + 20 } });
      const again = codeOf(await pay(later, chain));
      const settledUnseen = name === 'settle' && again === 'budget_exceeded';
      expect(settledUnseen || again === 'permit').toBe(true);
      expect(codeOf(await pay(later, chain))).toBe('budget_exceeded');
    },
  );
});

describe('audit sink', () => {
  const faults = FAULTS.filter(([name]) => !name.startsWith('answers') || name === 'answers late');
  test.each(faults)('append %s: no permit without a durable event', async (_fault, fault) => {
    const ports = realPorts();
    const sink = failingOnce(ports.sink, 'append', fault);
    const chain = await chainOf(caveats);
    const decision = await pay(pointOn({ ...ports, sink }, {}, PORT_TIMEOUT), chain);
    const lines = ports.sink.lines(EMITTER);
    if (decision.verdict === 'permit') {
      // It failed, and was found to be there nevertheless.
      expect(lines.some(({ line }) => line.includes('"decision":"permit"'))).toBe(true);
    } else {
      expect(codeOf(decision)).toBe('audit_unavailable');
      expect(codeOf(await pay(pointOn(ports), chain))).toBe('permit'); // nothing was consumed
    }
  });

  test.each(['answers null', 'answers nonsense'])('append %s: refused', async (name) => {
    const [, fault] = FAULTS.find(([each]) => each === name) ?? ['', fail];
    const ports = realPorts();
    const sink = { ...ports.sink, append: () => fault(() => undefined) as never };
    expect(
      codeOf(await pay(pointOn({ ...ports, sink }, {}, PORT_TIMEOUT), await chainOf(caveats))),
    ).toBe('audit_unavailable');
  });
});

describe('approval source', () => {
  const finance = { root: { approvals: { pay: { finance: 1 } } } };
  const source = (): ApprovalSource => ({
    approvers: () => [{ name: 'Ada', key: newSigner().publicKey }],
    find: () => undefined,
    open: (pending) => pending,
    close: () => undefined,
  });

  test.each(['find', 'approvers', 'open'] as const)(
    '%s: every fault refuses the call with its own code',
    async (name) => {
      const chain = await chainOf(finance);
      for (const [fault, act] of FAULTS) {
        if (name === 'find' && fault === 'answers null') continue; // nothing is open: the truth
        const approvals = failingOnce(source(), name, act);
        const decision = await pay(pointWith({ approvals, portTimeout: PORT_TIMEOUT }), chain);
        expect([fault, codeOf(decision)]).toEqual([
          fault,
          name === 'approvers' && fault === 'answers null'
            ? 'approval_group_unknown'
            : 'approval_source_unavailable',
        ]);
      }
    },
  );
});

describe('clock', () => {
  test.each([
    ['throws', () => fail()],
    ['answers NaN', () => Number.NaN],
    ['answers a fraction', () => NOW + 0.5],
    ['answers a promise', () => Promise.resolve(NOW) as unknown as number],
  ])('%s: refused', async (_name, now) => {
    expect(codeOf(await pay(pointWith({ clock: { now } }), await chainOf()))).toBe(
      'clock_unavailable',
    );
  });

  test('steps back an hour: refused until it has caught up, and then permitted (J08)', async () => {
    let time = NOW;
    const point = pointWith({ clock: { now: () => time } });
    const chain = await chainOf();
    expect(codeOf(await pay(point, chain))).toBe('permit');
    time = NOW - 3600;
    expect(codeOf(await pay(point, chain))).toBe('clock_unavailable');
    time = NOW;
    expect(codeOf(await pay(point, chain))).toBe('permit');
  });
});
