import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Workspace } from './workspace.ts';

const GRANT = `
  - name: refunds
    tenant: acme
    agents: [desk]
    tools:
      refund:
        amount: { constraint_type: range, min: 0, max: 100 }
    audience: [https://shop.example]
    max_depth: 2
    max_depth_reason: desk, triage and one worker
    lifetime: 3600
    ends: 2027-01-01T00:00:00Z
`;
const HEAD = 'type: taper-grants\nversion: 1\ngrants:';
const GRANTS = `${HEAD}${GRANT}`;

/** An empty folder with grants in it. */
function withGrants(text = GRANTS, name = 'grants.yaml'): Workspace {
  const workspace = new Workspace('empty');
  workspace.write(name, text);
  return workspace;
}

describe('taper grant check', () => {
  it('reads YAML and JSON alike', async () => {
    const yaml = await withGrants().json(['grant', 'check', 'grants.yaml']);
    expect(yaml).toMatchObject({
      exitCode: 0,
      result: { grants: 1, tenants: 1, agents: 1, well_formed: true },
    });
    const json = {
      type: 'taper-grants',
      version: 1,
      grants: [
        {
          name: 'refunds',
          tenant: 'acme',
          agents: ['desk'],
          tools: { refund: { amount: { constraint_type: 'range', min: 0, max: 100 } } },
          audience: ['https://shop.example'],
          max_depth: 2,
          max_depth_reason: 'desk, triage and one worker',
          lifetime: 3600,
          ends: '2027-01-01T00:00:00Z',
        },
      ],
    };
    const workspace = withGrants();
    workspace.write('same.json', JSON.stringify(json, undefined, 2));
    const plan = await workspace.json(['grant', 'plan', 'same.json', '--against', 'grants.yaml']);
    expect(plan.result).toMatchObject({ changes: [], widens: false, unchanged: 1 });
  });

  it('says which grant and member is malformed', async () => {
    const { exitCode, error } = await withGrants(GRANTS.replace('3600', '3600000')).json([
      'grant',
      'check',
      'grants.yaml',
    ]);
    expect([exitCode, error.code, error.field]).toEqual([
      1,
      'grants_malformed',
      'grants.acme/refunds, lifetime',
    ]);
  });

  it.each([
    ['a key twice', GRANTS.replace('lifetime:', 'lifetime: 60\n    lifetime:')],
    ['an alias', GRANTS.replace('[desk]', '&a [desk]').replace('[https://shop.example]', '*a')],
    ['a merge key', `${HEAD}\n  - <<: {}${GRANT.replace('\n  - name', '\n    name')}`],
    ['a tag', GRANTS.replace('[desk]', '!!set {desk}')],
    ['a number in another base', GRANTS.replace('100', '0x64')],
    ['a number that a double cannot hold', GRANTS.replace('100', '9007199254740993')],
    ['infinity', GRANTS.replace('100', '.inf')],
    ['a name that is no text', GRANTS.replace('amount:', '5:')],
    ['a name that is null', GRANTS.replace('amount:', '~:')],
    ['two documents', `${GRANTS}---\n${GRANTS}`],
    ['another version of YAML', `%YAML 1.1\n---\n${GRANTS}`],
    ['nothing', ''],
    ['a tab for indentation', GRANTS.replace('    tenant', '\ttenant')],
    ['__proto__', GRANTS.replace('amount:', '__proto__:')],
  ])('refuses YAML with %s', async (_, text) => {
    const { exitCode, error } = await withGrants(text).json(['grant', 'check', 'grants.yaml']);
    expect([exitCode, error.code]).toEqual([1, 'grants_malformed']);
  });

  it('takes words that older YAML reads as truth values, and times, for text', async () => {
    const norway = GRANTS.replace('[desk]', '[no, on, 2026-01-01]');
    const { exitCode, result } = await withGrants(norway).json(['grant', 'check', 'grants.yaml']);
    expect([exitCode, result.agents]).toEqual([0, 3]);
  });

  it('refuses JSON that is not strict', async () => {
    const { error } = await withGrants('{"type":1,"type":2}').json([
      'grant',
      'check',
      'grants.yaml',
    ]);
    expect(error.code).toBe('json_invalid');
  });
});

describe('taper grant plan', () => {
  const wider = GRANTS.replace('max: 100', 'max: 200').replace('3600', '60');

  function between(before: string, after: string): Workspace {
    const workspace = withGrants(after);
    workspace.write('main.yaml', before);
    return workspace;
  }
  const PLAN = ['grant', 'plan', 'grants.yaml', '--against', 'main.yaml'];

  it('marks what widens with a sign and a word, in colour and without', async () => {
    const workspace = between(GRANTS, wider);
    const plain = await workspace.taper(PLAN);
    expect(plain.exitCode).toBe(0);
    expect(plain.stdout).toContain('+ widened');
    expect(plain.stdout).toContain('- narrowed');
    expect(plain.stdout).not.toContain('\u001b');
    const coloured = await workspace.taper(PLAN, { terminal: true });
    expect(coloured.stdout).toContain('\u001b');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what is taken out
    expect(coloured.stdout.replaceAll(/\u001b\[[0-9;]*m/g, '')).toBe(plain.stdout);
  });

  it('exits with 1 on widening where that was asked for, and only there', async () => {
    const workspace = between(GRANTS, wider);
    expect((await workspace.json(PLAN)).exitCode).toBe(0);
    const failed = await workspace.json([...PLAN, '--fail-on-widening']);
    expect([failed.exitCode, failed.error.code]).toEqual([1, 'grants_widen']);
    expect(failed.result).toMatchObject({ widens: true });
    const narrowing = between(wider.replace('60', '3600'), GRANTS.replace('100', '50'));
    expect((await narrowing.json([...PLAN, '--fail-on-widening'])).exitCode).toBe(0);
  });

  it('shows no character that could deceive', async () => {
    const hostile = GRANTS.replace('refund:', '"re\\u202Efund\\e[2J":');
    const { stdout } = await between(HEAD.replace('grants:', 'grants: []'), hostile).taper(PLAN);
    expect(['\u202e', '\u001b'].filter((each) => stdout.includes(each))).toEqual([]);
  });
});

describe('grants of a running authority', () => {
  const stop = new AbortController();
  let workspace: Workspace;
  let running: Promise<unknown>;

  beforeAll(async () => {
    workspace = new Workspace('empty').keep();
    let isUp = (): void => {};
    const started = new Promise<void>((resolve) => {
      isUp = resolve;
    });
    running = workspace.taper(['up', '--port', '0'], {
      stopped: stop.signal,
      onStderr: (text) => {
        if (text.includes('administer with')) isUp();
      },
    });
    await Promise.race([started, running]);
    workspace.write('grants.yaml', GRANTS);
  }, 60_000);

  afterAll(async () => {
    stop.abort();
    await running;
    workspace.remove();
  });

  it('are planned, applied, shown and taken back', async () => {
    const first = await workspace.json(['grant', 'plan', 'grants.yaml']);
    expect(first.result).toMatchObject({ version: 0, widens: true });
    const applied = await workspace.json(['grant', 'apply', 'grants.yaml', '--expected', '0']);
    expect(applied).toMatchObject({ exitCode: 0, result: { version: 1, applied: true } });
    expect((await workspace.json(['grant', 'plan', 'grants.yaml'])).result).toMatchObject({
      version: 1,
      changes: [],
    });

    workspace.write('less.yaml', GRANTS.replace('3600', '60'));
    await workspace.json(['grant', 'apply', 'less.yaml', '--fail-on-widening']);
    const refused = await workspace.json(['grant', 'apply', 'grants.yaml', '--fail-on-widening']);
    expect([refused.exitCode, refused.error.code]).toEqual([1, 'grants_widen']);
    expect(refused.result).toMatchObject({ applied: false });
    expect((await workspace.json(['grant', 'show'])).result.version).toBe(2);

    const { stdout } = await workspace.taper(['grant', 'show', '--at', '1']);
    workspace.write('back.yaml', stdout);
    const same = await workspace.json(['grant', 'plan', 'back.yaml', '--against', 'grants.yaml']);
    expect(same.result.changes).toEqual([]);
  });

  it('that were planned against others are not applied', async () => {
    const late = await workspace.json(['grant', 'apply', 'grants.yaml', '--expected', '0']);
    expect([late.exitCode, late.error.code, late.error.field]).toEqual([
      1,
      'server_refused',
      'grant_conflict',
    ]);
    expect((await workspace.json(['grant', 'show'])).result.version).toBe(2);
  });

  it('of a version that never was are none', async () => {
    expect((await workspace.json(['grant', 'show', '--at', '99'])).exitCode).toBe(1);
    expect((await workspace.json(['grant', 'show', '--at', 'x'])).error.code).toBe('usage');
  });
});
