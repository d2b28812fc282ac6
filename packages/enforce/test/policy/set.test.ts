import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TaperError } from '@taper/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createPolicySet, loadCedarEngine, PolicyLoadError } from '../../src/policy/cedar/index.ts';
import type { LoadedPolicyEngine } from '../../src/policy/loaded-engine.ts';
import type { ReloadOutcome } from '../../src/policy/set.ts';
import type { PolicyDecision } from '../../src/port/policy-engine.ts';
import { policyInput } from './input.ts';

const SCHEMA = `action "act" appliesTo { principal: Taper::Agent, resource: Taper::Resource, context: { call: Taper::Call, arguments: { n: Long } } };`;
const only = (n: number): string =>
  `permit (principal, action, resource) when { context.arguments.n == ${n} };`;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'policy-'));
  await writeFile(join(folder, 'schema.cedarschema'), SCHEMA);
});
afterEach(() => rm(folder, { recursive: true }));

const write = (text: string | Uint8Array, name = 'a.cedar'): Promise<void> =>
  writeFile(join(folder, name), text);

const load = (names: readonly string[] = ['a.cedar']): Promise<LoadedPolicyEngine> =>
  loadCedarEngine({
    policies: names.map((name) => join(folder, name)),
    schema: join(folder, 'schema.cedarschema'),
  });

const verdict = async (
  { decide }: Pick<LoadedPolicyEngine, 'decide'>,
  n: number,
): Promise<PolicyDecision['verdict']> =>
  (await decide(policyInput({ tool: 'act', arguments: { n } }))).verdict;

describe('at the start', () => {
  test('a broken file throws, with its name, line and what to do', async () => {
    await write(`${only(1)}\n// fine so far\npermit (principal, action);`);
    const error: unknown = await createPolicySet({ load }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(PolicyLoadError);
    expect(error).toMatchObject({ code: 'policy_invalid', file: 'a.cedar', line: 3 });
    expect((error as PolicyLoadError).hint).toBeTruthy();
  });

  test('one broken file among good ones refuses them all', async () => {
    await write(only(1));
    await write('permit (principal, action, resource) when { nonsense };', 'b.cedar');
    await expect(
      createPolicySet({ load: () => load(['a.cedar', 'b.cedar']) }),
    ).rejects.toMatchObject({ file: 'b.cedar' });
    expect(await verdict(await createPolicySet({ load: () => load() }), 1)).toBe('permit');
  });

  test.each([
    ['is not there', (): Promise<unknown> => load(['missing.cedar'])],
    [
      'is a folder',
      (): Promise<unknown> =>
        loadCedarEngine({ policies: [folder], schema: join(folder, 'schema.cedarschema') }),
    ],
    [
      'is an address on the network',
      (): Promise<unknown> =>
        loadCedarEngine({
          policies: ['https://policies.example/a.cedar'],
          schema: join(folder, 'schema.cedarschema'),
        }),
    ],
  ])('Y09, Z03: a file that %s refuses the set', async (_title, act) => {
    await write(only(1));
    await expect(act()).rejects.toMatchObject({ code: 'policy_invalid' });
  });

  test('Y09: a policy file cannot take in another one', async () => {
    await write(only(1), 'other.cedar');
    for (const line of [
      'import "other.cedar";',
      'extends "../other.cedar"',
      '@extends("https://x.example")',
    ]) {
      await write(line);
      await expect(load()).rejects.toMatchObject({ code: 'policy_invalid', line: 1 });
    }
  });

  test('a file that is no UTF-8 refuses the set', async () => {
    await write(Buffer.from([...Buffer.from(`${only(1)} // `), 0xff]));
    await expect(load()).rejects.toMatchObject({ code: 'policy_invalid', file: 'a.cedar' });
  });

  test('Z03: two files of one name are refused where their policies would get one id', async () => {
    await write(only(1));
    await symlink(folder, join(folder, 'again'));
    await expect(load(['a.cedar', 'again/a.cedar'])).rejects.toMatchObject({
      code: 'policy_invalid',
    });
  });

  test.each([
    ['nothing', (): unknown => undefined],
    ['an engine that does not say what it has loaded', (): unknown => ({ decide: () => ({}) })],
    ['no engine', (): unknown => ({ policy: { id: 'a', version: 'b' } })],
    [
      'an exception that is none of ours',
      (): unknown => {
        throw new Error('disk');
      },
    ],
  ])('Z03: a loader that gives %s refuses to start', async (_title, give) => {
    await expect(
      createPolicySet({ load: give as () => LoadedPolicyEngine }),
    ).rejects.toBeInstanceOf(TaperError);
  });
});

describe('a reload', () => {
  test('puts the new policies in force, and says which took the place of which', async () => {
    await write(only(1));
    const told: ReloadOutcome[] = [];
    const set = await createPolicySet({ load, onReload: (outcome) => told.push(outcome) });
    const before = set.policy;
    await write(only(2));
    const outcome = await set.reload();
    expect(outcome).toEqual({ outcome: 'replaced', policy: set.policy, replaced: before });
    expect(told).toEqual([outcome]);
    expect(set.policy.version).not.toBe(before.version);
    expect([await verdict(set, 1), await verdict(set, 2)]).toEqual(['deny', 'permit']);
  });

  test.each([
    ['broken policies', () => write('permit (')],
    ['no policies', () => write('')],
    [
      'a policy that the schema does not allow',
      () => write('forbid (principal, action, resource) when { context.arguments.m == 1 };'),
    ],
    ['a missing file', () => rm(join(folder, 'a.cedar'))],
    ['a broken schema', () => write('nonsense', 'schema.cedarschema')],
  ])('of %s keeps what was in force, and says so', async (_title, spoil) => {
    await write(only(1));
    const told: ReloadOutcome[] = [];
    const set = await createPolicySet({ load, onReload: (outcome) => told.push(outcome) });
    const before = set.policy;
    await spoil();
    const outcome = await set.reload();
    expect(outcome).toMatchObject({
      outcome: 'kept',
      policy: before,
      error: { code: 'policy_invalid' },
    });
    expect(told).toEqual([outcome]);
    expect(set.policy).toEqual(before);
    expect([await verdict(set, 1), await verdict(set, 2)]).toEqual(['permit', 'deny']);
    await write(SCHEMA, 'schema.cedarschema');
    await write(only(2));
    expect(await set.reload()).toMatchObject({ outcome: 'replaced' });
    expect(await verdict(set, 2)).toBe('permit');
  });

  test('Y08: a version that is not admitted does not come back', async () => {
    await write(only(1));
    const seen = new Set<string>();
    const set = await createPolicySet({
      load,
      admit: (next, current) => {
        seen.add(current.version);
        return !seen.has(next.version);
      },
    });
    await write(only(2));
    expect(await set.reload()).toMatchObject({ outcome: 'replaced' });
    await write(only(1));
    expect(await set.reload()).toMatchObject({ outcome: 'kept', error: { code: 'refused' } });
    expect([await verdict(set, 1), await verdict(set, 2)]).toEqual(['deny', 'permit']);
  });

  test.each([
    [
      'fails',
      (): boolean => {
        throw new Error('no list of versions');
      },
    ],
    ['gives something else than true', () => 'yes' as unknown as boolean],
  ])('whose admission %s keeps what was in force', async (_title, admit) => {
    await write(only(1));
    const set = await createPolicySet({ load, admit });
    await write(only(2));
    expect(await set.reload()).toMatchObject({ outcome: 'kept' });
    expect(await verdict(set, 1)).toBe('permit');
  });

  test('Y11: every call meets the old policies or the new ones, whole', async () => {
    // Two files that only together permit: n == 1 by the old pair, n == 2 by the new one. Half of each would permit both or none.
    const pair = async (n: number): Promise<void> => {
      await write('permit (principal, action, resource);');
      await write(
        `forbid (principal, action, resource) when { context.arguments.n != ${n} };`,
        'b.cedar',
      );
    };
    await pair(1);
    const set = await createPolicySet({ load: () => load(['a.cedar', 'b.cedar']) });
    const versions = [set.policy.version];
    const decisions: PolicyDecision[] = [];
    for (let round = 0; round < 6; round++) {
      await pair(round % 2 === 0 ? 2 : 1);
      let done = false;
      const reloading = set.reload().finally(() => {
        done = true;
      });
      while (!done) {
        for (const n of [1, 2]) {
          const decision = await set.decide(policyInput({ tool: 'act', arguments: { n } }));
          decisions.push({ ...decision, decisionId: String(n) });
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
      await reloading;
      if (round === 0) versions.push(set.policy.version);
    }
    expect(decisions.length).toBeGreaterThan(12);
    for (const { verdict: given, policy, decisionId } of decisions) {
      const permitted = policy.version === versions[0] ? '1' : '2';
      expect(versions).toContain(policy.version);
      expect(given).toBe(decisionId === permitted ? 'permit' : 'deny');
    }
  });

  test('Y11: a slower, older reload does not undo a later one', async () => {
    const engine = (version: string): LoadedPolicyEngine => ({
      policy: { id: 'p', version },
      decide: () => ({ verdict: 'deny', approvals: [], policy: { id: 'p', version }, reasons: [] }),
    });
    const given: PromiseWithResolvers<LoadedPolicyEngine>[] = [];
    const first = Promise.resolve(engine('0'));
    let loads = 0;
    const set = await createPolicySet({
      load: () => {
        if (loads++ === 0) return first;
        const waiting = Promise.withResolvers<LoadedPolicyEngine>();
        given.push(waiting);
        return waiting.promise;
      },
    });
    const older = set.reload();
    const later = set.reload();
    await new Promise((resolve) => setImmediate(resolve));
    expect(given).toHaveLength(1);
    given[0]?.resolve(engine('1'));
    await older;
    await new Promise((resolve) => setImmediate(resolve));
    given[1]?.resolve(engine('2'));
    expect(await later).toMatchObject({ replaced: { version: '1' }, policy: { version: '2' } });
    expect(set.policy.version).toBe('2');
  });

  test('a listener that throws changes nothing', async () => {
    await write(only(1));
    const set = await createPolicySet({
      load,
      onReload: () => {
        throw new Error('log');
      },
    });
    await write(only(2));
    expect(await set.reload()).toMatchObject({ outcome: 'replaced' });
    expect(await verdict(set, 2)).toBe('permit');
  });
});

test('Z02: what an engine throws is not turned into a decision', async () => {
  const failing: LoadedPolicyEngine = {
    policy: { id: 'p', version: '1' },
    decide: () => {
      throw new TaperError('policy_unavailable', 'It failed.');
    },
  };
  const set = await createPolicySet({ load: () => failing });
  await expect(async () => set.decide(policyInput())).rejects.toMatchObject({
    code: 'policy_unavailable',
  });
});
