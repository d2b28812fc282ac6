import { chainCaveats, joinPresentations } from '@taper/core';
import { describe, expect, test } from 'vitest';
import { createAuditRecorder } from '../../src/audit/recorder.ts';
import {
  createMemoryAuditSink,
  createMemoryBudgetLedger,
  createMemoryReplayStore,
  createMemoryRevocationView,
  type PolicyDecision,
  type PolicyInput,
  type RevocationVerdict,
} from '../../src/index.ts';
import {
  AUDIENCE,
  ada,
  agent,
  chainOf,
  childOf,
  codeOf,
  NOW,
  newSigner,
  PAYMENT,
  pay,
  pointWith,
  present,
  rootOf,
} from '../judge/scene.ts';

const PERMIT: PolicyDecision = Object.freeze({
  verdict: 'permit',
  approvals: [],
  policy: { id: 'p', version: '1' },
  reasons: [],
});

describe('a port whose answers are not what they were when they are looked at again', () => {
  test('a policy that uses one answer for all calls gives nobody the verdict of another call', async () => {
    const chain = await chainOf();
    const answer: { -readonly [Member in keyof PolicyDecision]: PolicyDecision[Member] } = {
      ...PERMIT,
    };
    const point = pointWith({
      policy: {
        decide: ({ context }) => {
          answer.verdict = context.attributes['good'] === true ? 'permit' : 'deny';
          return answer;
        },
      },
    });
    const ask = async (good: boolean) =>
      point.authorize(await present(chain), 'pay', PAYMENT, { attributes: { good } });
    const presentations = await Promise.all([present(chain), present(chain)]);
    const [denied, permitted] = await Promise.all([
      point.authorize(presentations[0], 'pay', PAYMENT, { attributes: { good: false } }),
      point.authorize(presentations[1], 'pay', PAYMENT, { attributes: { good: true } }),
    ]);
    expect([codeOf(denied), codeOf(permitted)]).toEqual(['policy_denied', 'permit']);
    expect(codeOf(await ask(false))).toBe('policy_denied');
  });

  test('a policy decision whose verdict changes with each reading is read once', async () => {
    for (const verdicts of [
      ['deny', 'permit'],
      ['deny', 'deny', 'permit'],
      ['deny', 'deny', 'deny', 'permit'],
      ['deny', 'deny', 'deny', 'deny', 'permit'],
    ]) {
      const left = [...verdicts];
      const decision = {
        ...PERMIT,
        get verdict() {
          return (left.length > 1 ? left.shift() : left[0]) as 'permit';
        },
      };
      const point = pointWith({ policy: { decide: () => decision } });
      expect(codeOf(await pay(point, await chainOf())), verdicts.join()).toBe('policy_denied');
    }
  });

  test('approvals that disappear from a decision between two readings are still asked for', async () => {
    let reads = 0;
    const decision = {
      ...PERMIT,
      verdict: 'approval_required' as const,
      get approvals() {
        reads += 1;
        return reads > 1 ? [] : [{ group: 'finance', count: 1 }];
      },
    };
    const point = pointWith({ policy: { decide: () => decision } });
    expect(codeOf(await pay(point, await chainOf()))).toBe('approval_source_unavailable');
  });

  test('a revocation verdict is read once', async () => {
    const seen = ['revoked', 'revoked', 'revoked', 'revoked', 'good'];
    const verdict = {
      what: 'token',
      index: 0,
      asOf: NOW,
      get verdict() {
        return seen.length > 1 ? seen.shift() : seen[0];
      },
    };
    for (let more = 0; more < 5; more += 1) {
      seen.splice(0, seen.length, ...Array<string>(more + 1).fill('revoked'), 'good');
      const point = pointWith({ revocation: { check: () => verdict as RevocationVerdict } });
      expect(codeOf(await pay(point, await chainOf())), `${more}`).toBe('revoked');
    }
  });

  test('what a policy does to its input changes no other call and no event', async () => {
    const sink = createMemoryAuditSink();
    const audit = createAuditRecorder({ sink, signer: newSigner(), emitter: 'point' });
    const point = pointWith({
      audit,
      policy: {
        decide: (input: PolicyInput) => {
          for (const list of [input.chains, input.approvals, input.chains[0]?.holders]) {
            try {
              (list as unknown[]).length = 0;
            } catch {
              // frozen
            }
          }
          return PERMIT;
        },
      },
    });
    const chain = await chainOf();
    expect(codeOf(await pay(point, chain))).toBe('permit');
    expect(codeOf(await pay(point, chain))).toBe('permit');
    for (const { line } of sink.lines('point'))
      expect(JSON.parse(line).agent_id).toBe(agent.publicKey.thumbprint);
  });
});

describe('what the caller keeps a hand on', () => {
  test('arguments that show each of two joined chains something else are refused', async () => {
    const root = await rootOf();
    const one = await childOf(root);
    const two = await childOf(root, undefined, ada);
    const small = { order: 'o-1', amount: '1.00' };
    const great = { order: 'o-1', amount: '200.00' };
    const wire = joinPresentations([
      await present(one, { args: great }),
      await present(two, { args: small, signer: ada }),
    ]);
    for (let turn = 1; turn < 12; turn += 1) {
      let reads = 0;
      const shifting = new Proxy(great, {
        getOwnPropertyDescriptor(target, name) {
          if (name === 'amount') reads += 1;
          const descriptor = Reflect.getOwnPropertyDescriptor(target, name);
          return descriptor && name === 'amount' && reads > turn
            ? { ...descriptor, value: small.amount }
            : descriptor;
        },
        get(target, name) {
          return name === 'amount' && reads > turn ? small.amount : Reflect.get(target, name);
        },
      });
      const decision = await pointWith().authorize(wire, 'pay', shifting);
      expect(codeOf(decision), `${turn}`).not.toBe('permit');
    }
  });

  test('a context that changes while the call is judged is the one that came in', async () => {
    const hash = 'A'.repeat(43);
    const chain = await chainOf({ leaf: { definitions: { pay: hash } } });
    expect(chainCaveats(chain).definitions('pay')).toEqual([hash]);
    const seen: string[] = [];
    const context: { resource?: string; definition: string } = { definition: hash };
    const point = pointWith({
      revocation: createMemoryRevocationView(),
      policy: {
        decide: ({ resource }) => {
          seen.push(resource);
          return PERMIT;
        },
      },
    });
    context.resource = 'order/1';
    const judged = point.authorize(await present(chain), 'pay', PAYMENT, context);
    context.resource = 'order/2';
    expect(codeOf(await judged)).toBe('permit');
    expect(seen).toEqual(['order/1']);
  });

  test('a context that throws is refused, and the refusal is in the log', async () => {
    const sink = createMemoryAuditSink();
    const audit = createAuditRecorder({ sink, signer: newSigner(), emitter: 'point' });
    const context = {
      get resource(): string {
        throw new Error('no');
      },
    };
    const decision = await pointWith({ audit }).authorize(
      await present(await chainOf()),
      'pay',
      PAYMENT,
      context,
    );
    expect(codeOf(decision)).toBe('internal_error');
    expect(sink.lines('point')).toHaveLength(1);
  });

  test('two joined proofs of one holder with one identifier are a replay, and no failure of the store', async () => {
    const { prove } = await import('@taper/core');
    const root = await rootOf();
    const chains = [await childOf(root), await childOf(root)] as const;
    const proofs = await Promise.all(
      chains.map((chain) =>
        prove(chain, {
          signer: agent,
          tool: 'pay',
          args: PAYMENT,
          now: NOW,
          id: 'same',
          audience: AUDIENCE,
        }),
      ),
    );
    const point = pointWith({ replay: createMemoryReplayStore() });
    const decision = await point.authorize(joinPresentations(proofs), 'pay', PAYMENT);
    expect(codeOf(decision)).toBe('proof_replayed');
  });

  test('the permit cannot be changed by whoever runs the tool', async () => {
    const decision = await pay(pointWith(), await chainOf());
    if (decision.verdict !== 'permit') throw new Error('not permitted');
    expect(() => (decision.permits as unknown[]).pop()).toThrow(TypeError);
  });
});

describe('promises that nobody waits for', () => {
  async function rejectionsDuring(run: () => Promise<void>): Promise<unknown[]> {
    const seen: unknown[] = [];
    const note = (reason: unknown): void => void seen.push(reason);
    const others = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    process.on('unhandledRejection', note);
    try {
      await run();
      await new Promise((done) => setTimeout(done, 20));
    } finally {
      process.off('unhandledRejection', note);
      for (const other of others) process.on('unhandledRejection', other);
    }
    return seen;
  }

  test('a meter that is asynchronous and fails refuses the call, and the process stays up', async () => {
    const chain = await chainOf({ root: { budget: { EUR: '10' } } });
    const meter = (async () => {
      throw new Error('no such order');
    }) as never;
    const point = pointWith({ ledger: createMemoryBudgetLedger(), meters: { EUR: meter } });
    const seen = await rejectionsDuring(async () => {
      expect(codeOf(await pay(point, chain))).toBe('budget_amount_invalid');
    });
    expect(seen).toEqual([]);
  });

  test('a clock that is asynchronous and fails refuses the call, and the process stays up', async () => {
    const clock = { now: (() => Promise.reject(new Error('ntp'))) as never };
    const seen = await rejectionsDuring(async () => {
      expect(codeOf(await pay(pointWith({ clock }), await chainOf()))).toBe('clock_unavailable');
    });
    expect(seen).toEqual([]);
  });

  test('a signer of events that fails in two ways at once refuses the calls, and the process stays up', async () => {
    const real = newSigner();
    let calls = 0;
    const signer = {
      publicKey: real.publicKey,
      sign: () => {
        calls += 1;
        if (calls % 2 === 0) throw new Error('closed');
        return Promise.reject(new Error('busy'));
      },
    };
    const audit = createAuditRecorder({ sink: createMemoryAuditSink(), signer });
    const point = pointWith({ audit });
    const chain = await chainOf();
    const seen = await rejectionsDuring(async () => {
      const decisions = await Promise.all([pay(point, chain), pay(point, chain)]);
      expect(decisions.map(codeOf)).toEqual(['audit_unavailable', 'audit_unavailable']);
    });
    expect(seen).toEqual([]);
  });
});
