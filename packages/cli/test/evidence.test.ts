import { parseEvidence } from '@taper/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AUDIT, openWorld, trustOf, type World } from './evidence-world.ts';
import { type JsonResult, NOW, Workspace } from './workspace.ts';

const TRUST = ['--anchors', 'anchors.json', '--policy', 'trust.json'] as const;
const SOURCES = ['--revocation-log', 'revocation', '--anchors', 'anchors.json'] as const;

interface Verdict {
  readonly verdict: string;
  readonly authentic: string;
  readonly authorized: string;
  readonly complete: string;
  readonly problems: readonly { readonly code: string; readonly path: string }[];
  readonly events: readonly { readonly sequence: number; readonly decision: string }[];
  readonly logs: readonly { readonly shown: number; readonly withheld: number }[];
  readonly not_revoked_as_of: number | null;
}

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.workspace.remove());

async function exported(...options: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await world.workspace.taper([
    ...['evidence', 'export', 'audit', ...SOURCES, ...options],
  ]);
  expect(stderr).not.toContain('taper: ');
  expect(exitCode).toBe(0);
  return stdout;
}

async function judged(bundle: string, ...options: readonly string[]): Promise<Verdict> {
  const { workspace } = world;
  workspace.write('bundle.json', bundle);
  const { result, exitCode } = await workspace.json([
    'verify',
    'bundle.json',
    ...TRUST,
    ...options,
  ]);
  const verdict = result as unknown as Verdict;
  expect(exitCode).toBe(verdict.verdict === 'pass' ? 0 : 1);
  return verdict;
}

function refusal({ error }: JsonResult): unknown {
  return (error as { readonly code?: string } | undefined)?.code;
}

describe('taper evidence export and taper verify', () => {
  it('pass a whole log: authentic, authorized, complete, and say as of when nothing was revoked', async () => {
    const verdict = await judged(await exported());
    expect(verdict).toMatchObject({
      verdict: 'pass',
      authentic: 'pass',
      authorized: 'pass',
      complete: 'pass',
      problems: [],
    });
    expect(verdict.events.map(({ decision }) => decision)).toEqual([
      ...['permit', 'executed', 'permit', 'executed', 'permit', 'executed', 'deny'],
    ]);
    expect(verdict.not_revoked_as_of).toBe(NOW + 12);
  });

  it('read a bundle from standard input, and print for people what it cannot say', async () => {
    const bundle = await exported();
    const argv = ['verify', '-', ...TRUST];
    const { exitCode, stdout } = await world.workspace.taper(argv, { stdin: bundle });
    expect(exitCode).toBe(0);
    expect(stdout.replace(/\s+/g, ' ')).toContain('says nothing about later');
  });

  it('C21: a member that does not belong there has a name, and the name does nothing to a terminal', async () => {
    const name = '\u001b[2J\u001b[32mPASS\u202e\u0007';
    const bundle = JSON.stringify({ [name]: 1, [`${'x'.repeat(100_000)}`]: 1, taper_evidence: 1 });
    for (const text of [bundle, JSON.stringify({ ['y'.repeat(100_000)]: 1, taper_evidence: 1 })]) {
      const argv = ['verify', '-', ...TRUST];
      const { exitCode, stdout } = await world.workspace.taper(argv, { stdin: text });
      expect(exitCode).toBe(1);
      expect(stdout).toContain('bundle_malformed');
      expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{C}/u);
      expect(stdout.length).toBeLessThan(2_000);
    }
  });

  it('without a revocation log, keep quiet about revocation and do not pass', async () => {
    const { workspace } = world;
    const { stdout } = await workspace.taper(['evidence', 'export', 'audit']);
    const verdict = await judged(stdout);
    expect(verdict).toMatchObject({ authentic: 'pass', authorized: 'not_shown', complete: 'pass' });
    expect(new Set(verdict.problems.map(({ code }) => code))).toEqual(
      new Set(['revocation_not_shown']),
    );
    expect(verdict.not_revoked_as_of).toBeNull();
  });

  it.each([
    ['', false],
    [' of what was exchanged for its root (D22)', true],
  ])(
    'find the call that was let through after the revocation%s, and clear the one before it (M01, O07)',
    async (_, exchanged) => {
      const before = world;
      world = await openWorld({ calledOn: true, exchanged });
      try {
        const verdict = await judged(await exported());
        expect(verdict.authorized).toBe('fail');
        const found = verdict.problems.map(({ code, path }) => `${path} ${code}`);
        expect(found).toEqual(['logs[0].items[7] chain_revoked']);
      } finally {
        world.workspace.remove();
        world = before;
      }
    },
  );

  const filters: readonly [string, (world: World) => readonly string[], readonly number[]][] = [
    ['an agent', ({ chains }) => ['--agent', chains.reader.leaf.claims.holder.thumbprint], [3, 4]],
    [
      'a chain, by any of its tokens',
      ({ chains }) => ['--chain', chains.reader.leaf.hash],
      [3, 4, 7],
    ],
    [
      'a chain, by its root',
      ({ chains }) => ['--chain', chains.planner.leaf.hash],
      [1, 2, 3, 4, 5, 6, 7],
    ],
    ['a time', () => ['--from', `${NOW + 11}`], [5, 6, 7]],
    ['a time that ends', () => ['--until', `${NOW + 11}`], [1, 2, 3, 4]],
    ['a resource, with what became of the call', () => ['--resource', 'invoice-2'], [3, 4]],
  ];
  it.each(filters)('show the events of %s, and withhold the others', async (_, options, shown) => {
    const verdict = await judged(await exported(...options(world)));
    expect(verdict.events.map(({ sequence }) => sequence)).toEqual(shown);
    expect(verdict.logs[0]).toMatchObject({ shown: shown.length, withheld: 7 - shown.length });
    expect(verdict).toMatchObject({ authentic: 'pass', authorized: 'pass' });
    // O06: what was left out is said.
    expect(verdict.complete).toBe(shown.length === 7 ? 'pass' : 'not_shown');
  });

  it('bring the decision along with an outcome that was asked for', async () => {
    const whole = await exported();
    const read = parseEvidence(whole.trimEnd());
    const item = read.ok ? read.bundle.logs[0]?.items[3] : undefined;
    const { event_id: id } = JSON.parse(item !== undefined && 'line' in item ? item.line : '{}');
    const verdict = await judged(await exported('--event', id));
    expect(verdict.events.map(({ sequence }) => sequence)).toEqual([3, 4]);
  });

  it('withhold arguments where they are not for the auditor, and say so', async () => {
    const verdict = await judged(await exported('--withhold-arguments'));
    expect(verdict.authorized).toBe('not_shown');
    expect(verdict.problems.map(({ code }) => code)).toContain('arguments_not_shown');
    expect(await exported('--withhold-arguments')).not.toContain('10.00');
  });

  it('prove that the log goes on from a checkpoint that the auditor holds', async () => {
    const { workspace } = world;
    const { stdout } = await workspace.taper(['log', 'show', 'audit', '--json']);
    expect(stdout).toContain(AUDIT);
    const checkpoint = JSON.parse(await exported()).logs[0].checkpoint;
    const held = { ...trustOf(world.keys), held: { checkpoints: [checkpoint] } };
    workspace.write('trust.json', JSON.stringify(held));
    expect(
      (await judged(await exported('--agent', world.chains.reader.leaf.claims.holder.thumbprint)))
        .authentic,
    ).toBe('pass');
    workspace.write('trust.json', JSON.stringify(trustOf(world.keys)));
  });

  it('trust no key for being in a bundle (O01, O02): without a policy nothing is authentic', async () => {
    const { workspace } = world;
    workspace.write('bundle.json', await exported());
    const { result } = await workspace.json(['verify', 'bundle.json', '--anchors', 'anchors.json']);
    expect(result).toMatchObject({ verdict: 'fail', authentic: 'fail' });
    const codes = (result as unknown as Verdict).problems.map(({ code }) => code);
    expect(codes).toContain('log_unknown');
  });

  it('name the item that was changed (N05, O04, S11)', async () => {
    const bundle = JSON.parse(await exported());
    bundle.logs[0].items[2].line = bundle.logs[0].items[2].line.replace('"pay"', '"pry"');
    const verdict = await judged(JSON.stringify(bundle));
    expect(verdict.authentic).toBe('fail');
    expect(verdict.problems.map(({ code, path }) => `${path} ${code}`)).toContain(
      'logs[0].items root_mismatch',
    );
  });

  const broken: readonly [string, (text: string) => string, string][] = [
    [
      'of another version (O09)',
      (text) => text.replace('"taper_evidence":1', '"taper_evidence":2'),
      'version_unsupported',
    ],
    [
      'that breaks off (O09)',
      (text) => `${text.slice(0, -40)}"taper_evidence":`,
      'bundle_malformed',
    ],
    [
      'with a member that nobody checks (O09)',
      (text) => text.replace('{"logs"', '{"keys":[],"logs"'),
      'bundle_malformed',
    ],
  ];
  it.each(broken)('give a verdict on a bundle %s', async (_, change, code) => {
    const verdict = await judged(change(await exported()));
    expect(verdict.problems[0]).toMatchObject({ code });
    expect(verdict.authentic).toBe('fail');
  });

  it('refuse what is larger than any bundle without reading it to its end', async () => {
    const workspace = new Workspace();
    workspace.write('trust.json', '{"taper_trust":1}');
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('{"logs":[],"taper_evidence":1');
      const block = Buffer.alloc(16 * 1024 * 1024, 0x20);
      for (let each = 0; each < 32; each += 1) yield block;
      throw new Error('read to the end');
    }
    const result = await workspace.json(['verify', '-', ...TRUST], { stdin: endless() });
    expect(refusal(result)).toBe('file_too_large');
  });

  const misuses: readonly [string, readonly string[], string][] = [
    ['--tool beside a bundle', ['verify', 'bundle.json', ...TRUST, '--tool', 'pay'], 'usage'],
    ['--policy beside a call', ['verify', 'chain.json', ...TRUST], 'usage'],
    [
      'neither tool nor arguments of a call',
      ['verify', 'chain.json', '--anchors', 'anchors.json'],
      'usage',
    ],
    [
      'a policy that is none',
      ['verify', 'bundle.json', '--anchors', 'anchors.json', '--policy', 'anchors.json'],
      'trust_malformed',
    ],
    [
      'an export that names no event',
      ['evidence', 'export', 'audit', '--resource', 'nothing'],
      'evidence_invalid',
    ],
    [
      '--revocation-log without anchors',
      ['evidence', 'export', 'audit', '--revocation-log', 'revocation'],
      'usage',
    ],
    ['a log that is not there', ['evidence', 'export', 'nowhere'], 'file_missing'],
  ];
  it.each(misuses)('refuse %s', async (_, argv, code) => {
    const { workspace } = world;
    workspace.write('bundle.json', await exported());
    await workspace.issue({ pay: {} });
    const result = await workspace.json(argv);
    expect(refusal(result)).toBe(code);
    expect(result.exitCode).not.toBe(0);
  });
});
