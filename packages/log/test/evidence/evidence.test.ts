import {
  type createReceipt,
  evidenceReceipts,
  type JsonObject,
  renderReceiptText,
} from '@taper/core';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  answers,
  change,
  found,
  NOW,
  openStory,
  PARTIES,
  PAYMENT,
  policy,
  type Story,
  verify,
} from './story.ts';

let story: Story;
let whole: string;

/** Two payments, one in a session, and two refusals: nine events. */
async function play(): Promise<Story> {
  const played = await openStory();
  expect(await played.pay()).toBe('permit');
  played.now += 5;
  const tooMuch = { amount: '300.00', order: 'o-2' };
  expect(await played.pay({ args: tooMuch, proves: PAYMENT })).toBe('argument_refused');
  await played.point.authorize('nothing at all', 'pay', {});
  expect(await played.payInSession()).toBe('permit');
  return played;
}

beforeAll(async () => {
  story = await play();
  whole = await story.bundle({ staples: [await story.staple()] });
});

describe('a bundle of everything', () => {
  test('is authentic, authorized and complete', async () => {
    const verdict = await verify(whole);
    expect(found(verdict)).toEqual([]);
    expect(answers(verdict)).toEqual(['pass', 'pass', 'pass']);
    expect(verdict.logs).toMatchObject([{ size: 7, shown: 7, withheld: 0, cosignedAt: NOW + 5 }]);
    expect(verdict.lacking).toEqual({ arguments: 0, proofs: 0, revocation: 0 });
  });

  test('is the same as UTF-8, and with the line feed that ends a file', async () => {
    expect(answers(await verify(Buffer.from(`${whole}\n`)))).toEqual(['pass', 'pass', 'pass']);
  });

  test('S17: holds an event for every call that was judged, and one for every outcome', async () => {
    const { events } = await verify(whole);
    expect(events.map(({ event }) => event.decision)).toEqual([
      'permit',
      'executed',
      'deny',
      'deny',
      'opened',
      'permit',
      'executed',
    ]);
  });

  test('O07: says as of when nothing was revoked, and never that it is not now', async () => {
    const verdict = await verify(whole);
    expect(verdict.notRevokedAsOf).toBe(NOW + 5);
    const permits = verdict.events.filter(({ event }) => event.decision === 'permit');
    expect(permits.map(({ notRevokedAsOf }) => notRevokedAsOf)).toEqual([NOW + 5, NOW + 5]);
  });

  test('gives each permitted call a receipt that is drawn from the verdict on it', async () => {
    const [first] = (await verify(whole)).events;
    const [receipt] = evidenceReceipts(first ?? { verdicts: [] });
    expect(receipt).toMatchObject({ status: 'verified', call: { tool: 'pay' } });
    expect(receipt?.hops).toHaveLength(3);
    expect(renderReceiptText(receipt as ReturnType<typeof createReceipt>)).toContain('pay');
  });
});

describe('what is withheld', () => {
  test('O06: is counted and placed, and keeps the bundle from being complete', async () => {
    const bundle = await story.bundle({
      shows: ({ sequence }) => sequence === 3 || sequence === 4,
    });
    const verdict = await verify(bundle);
    expect(answers(verdict)).toEqual(['pass', 'pass', 'not_shown']);
    expect(verdict.problems).toMatchObject([
      { code: 'events_withheld', path: 'logs[0].items[0]', first: 1, last: 2 },
      { code: 'events_withheld', path: 'logs[0].items[3]', first: 5, last: 7 },
    ]);
  });

  test('is no gap where the auditor asks for what is shown', async () => {
    const bundle = await story.bundle({ shows: ({ sequence }) => sequence <= 4 });
    const asks = (required: JsonObject): ReturnType<typeof verify> =>
      verify(bundle, { required: { revocation: 'optional', ...required } });
    expect(answers(await asks({ sequences: { first: 1, last: 4 } }))[2]).toBe('pass');
    expect(answers(await asks({ sequences: { first: 1, last: 5 } }))[2]).toBe('not_shown');
    expect(answers(await asks({ sequences: { first: 4 } }))[2]).toBe('not_shown');
    expect(answers(await asks({ sequences: { first: 1, last: 8 } }))[2]).toBe('fail');
    expect(answers(await asks({ time: { from: NOW, until: NOW + 5 } }))[2]).toBe('pass');
    expect(answers(await asks({ time: { from: NOW, until: NOW + 6 } }))[2]).toBe('not_shown');
  });

  test('S16: arguments and salts that were erased leave every proof valid', async () => {
    const erasing = await play();
    for (let sequence = 1; sequence <= 7; sequence++) await erasing.sidecar.erase(sequence);
    const bundle = await erasing.bundle();
    expect(bundle).not.toContain('120.00');
    expect(bundle).not.toContain('eyJ');
    const verdict = await verify(bundle);
    expect(answers(verdict)).toEqual(['pass', 'not_shown', 'pass']);
    expect(new Set(verdict.problems.map(({ code }) => code))).toEqual(
      new Set(['tokens_not_shown']),
    );
  });

  test('arguments for which the auditor does not ask leave the call authorized, and are counted', async () => {
    const bundle = await story.bundle({ opens: () => false, staples: [await story.staple()] });
    expect(bundle).not.toContain('120.00');
    const strict = await verify(bundle);
    expect(answers(strict)).toEqual(['pass', 'not_shown', 'pass']);
    expect(strict.problems.map(({ code }) => code)).toEqual([
      'arguments_not_shown',
      'proof_not_shown',
      'arguments_not_shown',
    ]);
    const lax = await verify(bundle, { required: { arguments: 'optional', proofs: 'optional' } });
    expect(answers(lax)).toEqual(['pass', 'pass', 'pass']);
    expect(lax.lacking).toEqual({ arguments: 2, proofs: 1, revocation: 0 });
  });

  test('an outcome whose decision is withheld is not judged', async () => {
    const bundle = await story.bundle({ shows: ({ sequence }) => sequence === 2 });
    const verdict = await verify(bundle);
    expect(found(verdict).slice(0, 1)).toEqual(['decision_not_shown logs[0].items[1]']);
    expect(answers(verdict)).toEqual(['pass', 'not_shown', 'not_shown']);
  });

  test('a session that is withheld is not judged', async () => {
    const bundle = await story.bundle({
      shows: ({ sequence }) => sequence === 6,
      staples: [await story.staple()],
    });
    expect(found(await verify(bundle))[0]).toBe('session_not_shown logs[0].items[1]');
  });

  test('an event that shows a permit without its outcome is worth a notice', async () => {
    const bundle = await story.bundle({ shows: ({ sequence }) => sequence === 1 });
    const { notices } = await verify(bundle);
    expect(notices).toEqual([{ code: 'outcome_missing', path: 'logs[0].items[0]', sequence: 1 }]);
  });
});

describe('what the auditor does not know', () => {
  test('S06: an empty policy gives no pass at all', async () => {
    const nothing = { anchors: [], emitters: [], logs: [], revocation_logs: [] };
    const verdict = await verify(whole, nothing);
    expect(answers(verdict)).toEqual(['fail', 'not_shown', 'not_shown']);
    expect(found(verdict)).toContain('log_unknown logs[0].checkpoint');
    expect(found(verdict)).toContain('emitter_unknown logs[0]');
  });

  test('O10: without an anchor nobody is authorized', async () => {
    const verdict = await verify(whole, { anchors: [] });
    expect(answers(verdict)).toEqual(['pass', 'not_shown', 'pass']);
    expect(verdict.problems.map(({ code }) => code)).toContain('anchors_missing');
  });

  test('O01, O10: an anchor of the same name with another key does not make the chain good', async () => {
    const [anchor] = policy()['anchors'] as readonly JsonObject[];
    const other = PARTIES.planner.jwk as unknown as JsonObject;
    const verdict = await verify(whole, { anchors: [{ ...anchor, key: other }] });
    expect(answers(verdict)[1]).toBe('fail');
    expect(verdict.problems[0]).toMatchObject({ code: 'chain_denied', path: 'logs[0].items[0]' });
  });

  test('F13: a bundle of another instance, with logs of its own, is not the auditor’s', async () => {
    const staging = await openStory({ origin: 'audit.example.com/staging' });
    await staging.pay();
    const verdict = await verify(await staging.bundle());
    expect(answers(verdict)).toEqual(['fail', 'not_shown', 'not_shown']);
    expect(found(verdict)[0]).toBe('log_unknown logs[0].checkpoint');
  });

  test('an older checkpoint stands once, and before newer ones', async () => {
    const story = await openStory();
    await story.pay();
    const first = await story.publish();
    await story.pay();
    const second = await story.publish();
    await story.pay();
    const options = { staples: [await story.staple()], earlier: [first, second] };
    const bundle = await story.bundle(options);
    expect(answers(await verify(bundle))).toEqual(['pass', 'pass', 'pass']);
    type Shown = { logs: { earlier: object[] }[] };
    const other = (edit: (earlier: object[]) => void): string =>
      change(bundle, (({ logs: [log] }: Shown) => edit(log?.earlier ?? [])) as (v: never) => void);
    const twice = other((earlier) => earlier.splice(1, 0, earlier[0] as object));
    expect(found(await verify(twice))).toEqual(['earlier_inconsistent logs[0].earlier[1]']);
    const turned = other((earlier) => earlier.reverse());
    expect(found(await verify(turned))).toEqual(['earlier_inconsistent logs[0].earlier[1]']);
  });

  test('a log that the policy requires and the bundle lacks is missed', async () => {
    const verdict = await verify(whole, { required: { logs: ['audit.example.com/other'] } });
    expect(answers(verdict)).toEqual(['pass', 'pass', 'not_shown']);
    expect(found(verdict)).toEqual(['log_not_shown ']);
  });

  test('S14: events of another tenant’s enforcement point are not this one’s', async () => {
    const [emitter] = policy()['emitters'] as readonly JsonObject[];
    const elsewhere = { ...emitter, enforcement_points: ['https://other.example'] };
    const verdict = await verify(whole, { emitters: [elsewhere] });
    expect(answers(verdict)[0]).toBe('fail');
    expect(verdict.problems[0]).toMatchObject({ code: 'enforcement_point_unknown' });
  });

  test('an event later than the time that the auditor names has not happened', async () => {
    expect(answers(await verify(whole, {}, NOW + 5))).toEqual(['pass', 'pass', 'pass']);
    const early = await verify(whole, {}, NOW - 100);
    expect(answers(early)[0]).toBe('fail');
    expect(early.problems[0]).toMatchObject({
      code: 'checkpoint_invalid',
      problem: 'cosignature_future',
    });
  });
});

test('verification does not change with the order of what the policy lists', async () => {
  const { logs } = policy() as { readonly logs: readonly JsonObject[] };
  expect(answers(await verify(whole, { logs: logs.toReversed() }))).toEqual([
    'pass',
    'pass',
    'pass',
  ]);
  expect(change(whole, () => {})).toBe(whole);
});
