import { readFileSync } from 'node:fs';
import { schemaProblem } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import {
  type ChainVerdict,
  createReceipt,
  denial,
  derive,
  type HopChecks,
  issue,
  type JsonObject,
  type ReceiptOptions,
  renderReceiptHtml,
  renderReceiptText,
  type VerifiedToken,
} from '../../src/index.ts';
import {
  authority,
  billing,
  chain,
  compacts,
  ISSUER,
  NOW,
  permit,
  planner,
  verify,
  widened,
  worker,
} from './story.ts';

const schema = JSON.parse(
  readFileSync(new URL('../../../../spec/receipt.schema.json', import.meta.url), 'utf8'),
) as JsonObject;
const LOG = 'log.example/taper';
const tools = { refund: {} };

/** Hop 0 asks for knowledge of the last hour, hop 1 for nothing, hop 2 for the last 90 seconds and a later epoch. */
const first = await issue({
  issuer: ISSUER,
  signer: authority,
  holder: planner.publicKey,
  tools,
  now: NOW,
  id: 'demanding-0',
  lifetime: 3600,
  maxDepth: 2,
  caveats: { revocation: { log: LOG, epoch: 7, max_staleness: 3600 } },
});
const second = await derive(first, {
  signer: planner,
  holder: billing.publicKey,
  tools,
  now: NOW,
  id: 'demanding-1',
  maxDepth: 2,
});
const demanding = await derive(second, {
  signer: billing,
  holder: worker.publicKey,
  tools,
  now: NOW,
  id: 'demanding-2',
  caveats: { revocation: { log: LOG, epoch: 9, max_staleness: 90 } },
});

function checksOf(verdict: ChainVerdict, options: ReceiptOptions = {}): readonly HopChecks[] {
  return createReceipt(verdict, options).hops.map(({ checks }) => checks);
}

function knownOf(revocation: NonNullable<ReceiptOptions['revocation']>, now?: number): unknown[] {
  const options = now === undefined ? { revocation } : { revocation, now };
  return checksOf({ verdict: 'verified', chain: demanding }, options).map(
    (checks) => checks.revocation.known,
  );
}

const optionInvalid = expect.objectContaining({ code: 'option_invalid' });
const notVerified = expect.objectContaining({ code: 'not_verified' });

describe('the checks of a hop', () => {
  test('scope: a provable subset, and which tools narrowed, went and stayed', () => {
    expect(checksOf(verify(compacts)).map(({ scope }) => scope)).toEqual([
      { result: 'granted' },
      { result: 'subset', narrowed: ['mail', 'refund'], dropped: ['ledger'], unchanged: [] },
      { result: 'subset', narrowed: ['refund'], dropped: ['mail'], unchanged: [] },
    ]);
    const same = checksOf({ verdict: 'verified', chain: second })[1]?.scope;
    expect(same).toEqual({ result: 'subset', narrowed: [], dropped: [], unchanged: ['refund'] });
  });

  test('time: never later than the end of the parent', () => {
    expect(checksOf(verify(compacts)).map(({ time }) => time)).toEqual([
      { result: 'granted' },
      { result: 'within_parent', parent_expires_at: '2026-06-21T01:00:00Z' },
      { result: 'within_parent', parent_expires_at: '2026-06-21T00:30:10Z' },
    ]);
  });

  test('revocation: what the chain down to the hop demands, and by which hops', () => {
    const demanded = (by_hops: number[], epoch: number, max_staleness: number) => ({
      result: 'demanded',
      by_hops,
      epochs: { [LOG]: epoch },
      max_staleness,
    });
    const checks = checksOf({ verdict: 'verified', chain: demanding });
    expect(checks.map(({ revocation }) => revocation)).toEqual([
      demanded([0], 7, 3600),
      demanded([0], 7, 3600),
      demanded([0, 2], 9, 90),
    ]);
    const plain = checksOf(verify(compacts)).map(({ revocation }) => revocation);
    expect(plain).toEqual(Array(3).fill({ result: 'not_demanded' }));
  });

  test('are those of the verified hops where the chain breaks, and of none that broke', () => {
    const { hops } = createReceipt(widened);
    expect(hops.map(({ checks }) => checks.scope)).toEqual([{ result: 'granted' }]);
  });

  test.each<[string, (token: VerifiedToken) => object]>([
    ['ends later', ({ claims }) => ({ ...claims, exp: claims.exp + 3600 })],
    ['grants more', () => ({ ...chain.leaf.claims, capabilities: grantsMore() })],
  ])('are judged anew: a prefix whose hop %s is not believed to be verified', (_title, change) => {
    const [root, middle] = chain.tokens as [VerifiedToken, VerifiedToken];
    const broken = (token: object): ChainVerdict => ({
      verdict: 'deny',
      denial: denial('signature_invalid', { hop: 2, step: '4a' }),
      verifiedPrefix: [root, token as VerifiedToken],
      presented: 3,
    });
    expect(createReceipt(broken(middle)).hops).toHaveLength(2);
    const forged = { ...middle, claims: change(middle) };
    expect(() => createReceipt(broken(forged))).toThrow(notVerified);
  });
});

/** The capabilities of another chain, with a tool that the story's root does not grant. */
function grantsMore(): unknown {
  const [grant] = first.leaf.claims.capabilities.values();
  return new Map([['transfer', grant]]);
}

describe('what was known of revocations', () => {
  const fresh = { log: LOG, epoch: 9, asOf: NOW + 10 };

  test('stands at each hop, with its age and whether it is what the chain demands down to there', () => {
    const known = { log: LOG, epoch: 9, as_of: '2026-06-21T00:00:10Z', age: 90 };
    expect(knownOf(fresh, NOW + 100)).toEqual(Array(3).fill({ ...known, meets_demand: true }));
    // One second more, and it is too old for the leaf alone.
    expect(knownOf(fresh, NOW + 101)).toEqual([
      { ...known, age: 91, meets_demand: true },
      { ...known, age: 91, meets_demand: true },
      { ...known, age: 91, meets_demand: false },
    ]);
  });

  test('of an epoch before that of the token, or of another log, is not what is demanded', () => {
    const meets = (revocation: typeof fresh) =>
      knownOf(revocation, NOW + 20).map(
        (known) => (known as { meets_demand: boolean }).meets_demand,
      );
    expect(meets(fresh)).toEqual([true, true, true]);
    expect(meets({ ...fresh, epoch: 8 })).toEqual([true, true, false]);
    expect(meets({ ...fresh, log: 'log.example/other' })).toEqual([false, false, false]);
  });

  test('says nothing of its freshness without a time, or where nothing is demanded', () => {
    const known = { log: LOG, epoch: 9, as_of: '2026-06-21T00:00:10Z' };
    expect(knownOf(fresh)).toEqual(Array(3).fill(known));
    const plain = checksOf(verify(compacts), { revocation: fresh, now: NOW + 30 });
    expect(plain.map(({ revocation }) => revocation)).toEqual(
      Array(3).fill({ result: 'not_demanded', known: { ...known, age: 20 } }),
    );
  });

  test('is refused where it is none, or says that something is revoked (O07)', () => {
    const draw = (revocation: object) => () =>
      createReceipt(permit, { revocation: revocation as never });
    expect(draw(fresh)).not.toThrow();
    for (const wrong of [
      { ...fresh, log: '' },
      { ...fresh, epoch: -1 },
      { ...fresh, asOf: 1.5 },
      { ...fresh, asOf: undefined },
      { ...fresh, revoked: { what: 'token', index: 0 } },
    ]) {
      expect(draw(wrong)).toThrow(optionInvalid);
    }
    const revoked = { verdict: 'deny', denial: denial('revoked', { hop: 0 }) } as const;
    const chainVerdict = verify(compacts) as Extract<ChainVerdict, { verdict: 'verified' }>;
    const verdict = { ...revoked, chainVerdict };
    expect(createReceipt(verdict)).toMatchObject({ status: 'denied', denial: { code: 'revoked' } });
    expect(() => createReceipt(verdict, { revocation: fresh })).toThrow(optionInvalid);
  });
});

describe('the checks as text, HTML and JSON', () => {
  const options = { now: NOW + 101, revocation: { log: LOG, epoch: 9, asOf: NOW + 10 } };
  const drawn = createReceipt({ verdict: 'verified', chain: demanding }, options);
  // Runs of space made one, so that a test does not hang on where lines break.
  const flat = (text: string): string => text.replace(/[\s│]+/g, ' ');
  const text = flat(renderReceiptText(drawn));

  test.each([
    'scope granted by the issuer',
    'scope provably a subset of its parent: unchanged refund',
    'ends 2026-06-21T01:00:00Z (as its parent)',
    'freshness revocations at most 1 h ago have to be known, log.example/taper from epoch 7 (by hop 0); nothing revoked as of 2026-06-21T00:00:10Z (1 min 31 s before), by log.example/taper at epoch 9: as demanded',
    'freshness revocations at most 1 min 30 s ago have to be known, log.example/taper from epoch 9 (by hops 0, 2); nothing revoked as of 2026-06-21T00:00:10Z (1 min 31 s before), by log.example/taper at epoch 9: not what is demanded',
  ])('text shows %s', (words) => {
    expect(text).toContain(words);
  });

  test('text names the tools that narrowed and went, and says so where nothing is demanded', () => {
    const story = flat(renderReceiptText(createReceipt(verify(compacts))));
    expect(story).toContain('subset of its parent: narrowed mail, refund; dropped ledger');
    expect(story).toContain('freshness no knowledge of revocations demanded');
  });

  test('HTML shows them', () => {
    const html = renderReceiptHtml(drawn);
    expect(html).toContain('<dt><bdi>scope</bdi></dt>');
    expect(html).toContain('<dt><bdi>freshness</bdi></dt>');
    expect(html).toContain('provably a subset of its parent');
    expect(html).toContain(': not what is demanded');
  });

  test.each<[string, (checks: Record<string, Record<string, unknown>>) => void]>([
    ['no time', (checks) => delete checks['time']],
    ['another result', (checks) => Object.assign(checks['scope'] ?? {}, { result: 'assumed' })],
    ['a demand of nobody', (checks) => Object.assign(checks['revocation'] ?? {}, { by_hops: [] })],
    [
      'knowledge without a time',
      (checks) => Object.assign(checks['revocation'] ?? {}, { known: { log: LOG, epoch: 9 } }),
    ],
  ])('JSON fits the schema, and does not with %s', (_title, change) => {
    const copy = JSON.parse(JSON.stringify(drawn));
    expect(schemaProblem(copy, schema, schema)).toBe(undefined);
    change(copy.hops[2].checks);
    expect(schemaProblem(copy, schema, schema)).toEqual(expect.any(String));
  });
});
