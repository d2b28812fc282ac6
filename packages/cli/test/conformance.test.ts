import { describe, expect, it } from 'vitest';
import { ownSuite, type TestSuite } from './suite.ts';
import { type JsonResult, Workspace } from './workspace.ts';

async function judge(change: (suite: TestSuite) => void = () => {}): Promise<JsonResult> {
  const workspace = new Workspace();
  const suite = await ownSuite();
  change(suite);
  workspace.write('suite.json', JSON.stringify(suite));
  return workspace.json(['conformance', 'suite.json']);
}

function vectorOf(suite: TestSuite, id: string): TestSuite['vectors'][number] {
  const vector = suite.vectors.find((each) => each.id === id);
  if (vector === undefined) throw new Error(`no vector ${id}`);
  return vector;
}

describe('taper conformance', () => {
  it('exits with 0 when every verdict is as expected', async () => {
    const { exitCode, result } = await judge();
    expect(exitCode).toBe(0);
    expect(result).toMatchObject({
      vectors: 7,
      verdicts_as_expected: 7,
      verdicts_differ: 0,
      steps_as_expected: 7,
    });
  });

  it.each(['permitted', 'no-proof'])('exits with 1 when the verdict on %s differs', async (id) => {
    const { exitCode, result } = await judge((suite) => {
      const vector = vectorOf(suite, id);
      vector.expected = { verdict: vector.expected.verdict === 'DENY' ? 'PERMIT' : 'DENY' };
    });
    expect(exitCode).toBe(1);
    expect(result).toMatchObject({ verdicts_differ: 1, steps_as_expected: 6 });
    const differing = result.findings.filter(
      (finding: { verdict_as_expected: boolean }) => !finding.verdict_as_expected,
    );
    expect(differing).toMatchObject([{ id, step_as_expected: false }]);
  });

  it('shows a step that differs, and does not fail for it', async () => {
    const { exitCode, result } = await judge((suite) => {
      vectorOf(suite, 'late').expected = { verdict: 'DENY', step: '7f' };
    });
    expect(exitCode).toBe(0);
    expect(result).toMatchObject({ verdicts_differ: 0, steps_as_expected: 6 });
  });

  it('takes each of several expected steps', async () => {
    const { result } = await judge((suite) => {
      vectorOf(suite, 'late').expected = { verdict: 'DENY', step: '7f/7g' };
    });
    expect(result.steps_as_expected).toBe(7);
  });

  it('takes the limits from the parameters', async () => {
    const { result } = await judge((suite) => {
      suite.params['pop_window'] = 60;
    });
    expect(result.findings.find((finding: { id: string }) => finding.id === 'late').actual).toEqual(
      { verdict: 'PERMIT', step: null, code: null },
    );
  });

  it('ends with the totals', async () => {
    const workspace = new Workspace();
    workspace.write('suite.json', JSON.stringify(await ownSuite()));
    const { stdout } = await workspace.taper(['conformance', 'suite.json']);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe(
      '7 vectors: 7 verdicts as expected, 0 differ (7 steps as expected)',
    );
  });
});

describe('a suite that is malformed', () => {
  const cases: readonly (readonly [string, string, (suite: TestSuite) => void])[] = [
    ['without vectors', 'vectors', (suite) => void suite.vectors.splice(0)],
    ['with vectors that are no array', 'vectors', (s) => void Object.assign(s, { vectors: {} })],
    [
      'with a vector without id',
      'vectors[0], id',
      (s) => void Reflect.deleteProperty(s.vectors[0] as object, 'id'),
    ],
    [
      'with an id twice',
      'vector "late"',
      (s) => void Object.assign(vectorOf(s, 'nonce'), { id: 'late' }),
    ],
    [
      'without a chain',
      'vector "late", chain',
      (s) => void Object.assign(vectorOf(s, 'late'), { chain: 'x' }),
    ],
    [
      'with a token that is no string',
      'vector "late", chain[0]',
      (s) => void Object.assign(vectorOf(s, 'late'), { chain: [1] }),
    ],
    [
      'with arguments that are no text',
      'vector "late", args_json',
      (s) => void Object.assign(vectorOf(s, 'late'), { args_json: {} }),
    ],
    [
      'with a policy that nobody knows',
      'vector "late", policy, "x"',
      (s) => void Object.assign(vectorOf(s, 'late'), { policy: { x: true } }),
    ],
    [
      'with a policy of the wrong type',
      'vector "late", policy, require_pop_aud',
      (s) => void Object.assign(vectorOf(s, 'late'), { policy: { require_pop_aud: 'no' } }),
    ],
    [
      'with a verdict in between',
      'vector "late", expected, verdict',
      (s) => void Object.assign(vectorOf(s, 'late'), { expected: { verdict: 'MAYBE' } }),
    ],
    [
      'without a time',
      'vector "late", now',
      (s) => {
        Reflect.deleteProperty(s.params, 'now');
        for (const v of s.vectors) if (v.id !== 'late') v.now = 1;
        vectorOf(s, 'late').now = null;
      },
    ],
    [
      'with a window beyond the draft',
      'params',
      (s) => void Object.assign(s.params, { pop_window: 61 }),
    ],
    [
      'with a limit that is no number',
      'params, pop_window',
      (s) => void Object.assign(s.params, { pop_window: '30' }),
    ],
  ];
  it.each(cases)('%s is an error at the field', async (_, field, change) => {
    const { exitCode, result, error } = await judge(change);
    expect(exitCode).toBe(1);
    expect(result).toBeUndefined();
    expect(error).toMatchObject({ code: 'suite_malformed', field, file: 'suite.json' });
  });

  it('without trust anchors is an error', async () => {
    const { exitCode, error } = await judge((suite) =>
      Reflect.deleteProperty(suite, 'trust_anchors'),
    );
    expect(exitCode).toBe(1);
    expect(error).toMatchObject({ code: 'anchors_malformed', field: 'trust_anchors' });
  });
});
