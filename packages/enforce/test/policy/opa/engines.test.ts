import type { ServerResponse } from 'node:http';
import { approve } from '@taper/core';
import { describe, expect, test } from 'vitest';
import {
  createAuditRecorder,
  createMemoryAuditSink,
  type PolicyEngine,
  type PolicyInput,
} from '../../../src/index.ts';
import { createMemoryApprovalSource } from '../../../src/memory/approval-source.ts';
import { createOpaEngine, createPolicySet, loadOpaBundle } from '../../../src/policy/opa/index.ts';
import {
  type PolicyEngineSetup,
  policyEngineContract,
} from '../../../src/testing/policy-engine.ts';
import { ada, authority, chainOf, codeOf, NOW, nextId, pay, pointWith } from '../../judge/scene.ts';
import { policyChain, policyInput, REFUND_DESK } from '../input.ts';
import { bundle, ENTRYPOINT } from './bundle-bytes.ts';
import { json, type OpaServer, startOpaServer } from './opa-server.ts';
import type { WasmPolicy } from './wasm-policy.ts';

// The same decisions from a server and from a compiled bundle. Neither knows Rego: they answer as OPA does to texts in the input.

const ASKS = {
  verdict: 'approval_required',
  approvals: [{ group: 'finance', count: 1 }],
  reasons: ['refunds-above-100-need-approval'],
};
const DENIES = { verdict: 'deny', reasons: ['no-refunds-above-5000'] };
const PERMITS = { verdict: 'permit', reasons: ['refund-desk-refunds'] };

/** Text in the input, and the document for it; `undefined` for an evaluation that fails. */
const ANSWERS: readonly (readonly [string, object | undefined])[] = [
  ['"order":"broken"', undefined],
  ['9000.00"', DENIES],
  ['120.00"', ASKS],
  ['50.00"', PERMITS],
];

const compiled: WasmPolicy = {
  entrypoints: {
    [ENTRYPOINT]: ANSWERS.map(([text, document]) => ({
      has: [text],
      does:
        document === undefined
          ? { aborts: 'refund.rego:8:1: conflict' }
          : { gives: JSON.stringify([{ result: document }]) },
    })),
  },
};

function answerFor(input: string, response: ServerResponse): void {
  const found = ANSWERS.find(([text]) => input.includes(text));
  const provenance = { version: '1.10.0', bundles: { shop: { revision: 'r1' } } };
  if (found === undefined) json(response, 200, { provenance, decision_id: 'd-undefined' });
  else if (found[1] === undefined) json(response, 500, { code: 'internal_error' });
  else json(response, 200, { result: found[1], provenance, decision_id: 'd-1' });
}

interface Opened {
  readonly engine: PolicyEngine;
  readonly server?: OpaServer;
  close(): Promise<void>;
}

async function openServer(): Promise<Opened> {
  const server = await startOpaServer();
  server.answer(({ body }, response) => answerFor(body, response));
  const engine = createOpaEngine({ url: server.url, path: ENTRYPOINT });
  return {
    engine,
    server,
    async close() {
      engine.close();
      await server.close();
    },
  };
}

async function openBundle(): Promise<Opened> {
  const bytes = bundle(compiled);
  const engine = await loadOpaBundle({ bytes, entrypoint: ENTRYPOINT });
  return { engine, close: async () => {} };
}

const refund = (amount: string, order = 'A-17'): PolicyInput =>
  policyInput({ chains: [policyChain([REFUND_DESK])], arguments: { order, amount } });

describe.each([
  ['a server', openServer],
  ['a bundle', openBundle],
])('OPA as %s', (_, open) => {
  policyEngineContract({
    test,
    async open(): Promise<PolicyEngineSetup> {
      const { engine, close } = await open();
      return {
        engine,
        permitted: refund('50.00'),
        denied: refund('9000.00'),
        undecided: refund('x'),
        needsApproval: refund('120.00'),
        requirements: [{ group: 'finance', count: 1 }],
        deniedAndNeedsApproval: refund('9000.00', '120.00'),
        failing: [refund('50.00', 'broken')],
        close,
      };
    },
  });

  test('decides at the enforcement point, which counts the approvals and names the policy in its events', async () => {
    const { engine, close } = await open();
    try {
      const sink = createMemoryAuditSink();
      const approvals = createMemoryApprovalSource({
        groups: { finance: [{ name: 'Ada', key: ada.publicKey }] },
      });
      const audit = createAuditRecorder({
        sink,
        signer: authority,
        emitter: 'point',
      });
      const point = pointWith({ policy: engine, approvals, audit });
      const chain = await chainOf();
      const asked = await pay(point, chain);
      expect(codeOf(asked)).toBe('approval_required');
      if (asked.verdict !== 'approval_required') return;
      expect(asked.missing).toEqual([{ group: 'finance', count: 1 }]);
      const { action } = asked.pending;
      const word = await approve({ action, group: 'finance', signer: ada, now: NOW, id: nextId() });
      expect(codeOf(await pay(point, chain, { taper_approvals: [word] }))).toBe('permit');
      const decision = await engine.decide(refund('120.00'));
      const events = sink.lines('point').map(({ line }) => JSON.parse(line));
      expect(events.length).toBe(2);
      for (const event of events) {
        expect(event.policy_id).toBe(decision.policy.id);
        expect(event.policy_version).toBe(decision.policy.version);
        expect(event.policy_decision_id).toBe(decision.decisionId);
      }
    } finally {
      await close();
    }
  });
});

describe('the enforcement point with OPA', () => {
  test.each<[string, (response: ServerResponse) => void, string]>([
    ['a permit', (response) => json(response, 200, { result: true }), 'permit'],
    ['a denial', (response) => json(response, 200, { result: false }), 'policy_denied'],
    ['Y01 undefined', (response) => json(response, 200, {}), 'policy_denied'],
    [
      'Y07 an error',
      (response) => json(response, 500, { code: 'internal_error' }),
      'policy_unavailable',
    ],
    ['W06 a page', (response) => response.end('<html>'), 'policy_unavailable'],
    ['Z01 nothing', () => {}, 'policy_unavailable'],
    ['Z02 a broken connection', (response) => response.socket?.destroy(), 'policy_unavailable'],
    [
      'Y02 a word that nobody knows',
      (response) => json(response, 200, { result: { allow: true } }),
      'policy_unavailable',
    ],
  ])('answers %s of the server', async (_, answerer, code) => {
    const server = await startOpaServer();
    const engine = createOpaEngine({ url: server.url, path: ENTRYPOINT, timeout: 100 });
    try {
      server.answer((_, response) => answerer(response));
      expect(codeOf(await pay(pointWith({ policy: engine }), await chainOf()))).toBe(code);
    } finally {
      engine.close();
      await server.close();
    }
  });

  test('refuses calls that make a compiled policy fail, and permits the next one', async () => {
    const policy = await loadOpaBundle({
      bytes: bundle({
        entrypoints: {
          [ENTRYPOINT]: [
            { has: ['"purposes":["broken"]'], does: { traps: true } },
            { does: { gives: '[{"result":true}]' } },
          ],
        },
      }),
      entrypoint: ENTRYPOINT,
    });
    const point = pointWith({ policy });
    for (let round = 0; round < 3; round++) {
      const broken = await chainOf({ root: { purpose: 'broken' } });
      expect(codeOf(await pay(point, broken))).toBe('policy_unavailable');
      expect(codeOf(await pay(point, await chainOf()))).toBe('permit');
    }
  });

  test('Y11 judges each call by the old bundle or the new one while it is replaced', async () => {
    const versions = [
      bundle(compiled),
      Buffer.from('broken'),
      bundle({ entrypoints: { [ENTRYPOINT]: [] } }),
    ];
    let served = 0;
    const policies = await createPolicySet({
      load: () => loadOpaBundle({ bytes: versions[served] as Uint8Array, entrypoint: ENTRYPOINT }),
    });
    const first = policies.policy.version;
    const verdictOf = async (): Promise<string> => (await policies.decide(refund('50.00'))).verdict;
    served = 1;
    const kept = policies.reload();
    expect(await verdictOf()).toBe('permit');
    expect(await kept).toMatchObject({ outcome: 'kept', error: { code: 'policy_invalid' } });
    expect(policies.policy.version).toBe(first);
    served = 2;
    expect((await policies.reload()).outcome).toBe('replaced');
    expect(policies.policy.version).not.toBe(first);
    expect(await verdictOf()).toBe('deny');
  });
});
