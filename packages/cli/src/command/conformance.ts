import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { type Finding, judgeSuite } from '../conformance/judge.ts';
import { type Expectation, parseSuite } from '../conformance/suite.ts';
import { readInput } from '../file/read.ts';
import { escapeText } from '../text/escape.ts';
import { type Paint, paintFor } from '../text/layout.ts';

export const conformance: AnyCommand = defineCommand<object>({
  name: 'conformance',
  summary: 'run a suite of AAT test vectors',
  description:
    'Judges every vector of a suite and compares verdict and step with what the suite expects. The exit code is 1 when a ' +
    'verdict differs. A step that differs is shown and does not count: the draft lets verifiers check in another order.',
  operands: [{ term: '<file>', description: 'suite of vectors (JSON); - for standard input' }],
  options: [],
  examples: [
    { line: 'taper conformance vectors.json', does: 'Every vector, and totals in the last line.' },
    { line: 'taper conformance vectors.json --json', does: 'The same for a script.' },
  ],
  async run([path], _, session) {
    const input = await readInput(path as string, 'suite', session);
    const findings = judgeSuite(parseSuite(input), input.source);
    const agreeing = findings.filter((finding) => finding.verdictAgrees).length;
    const differing = findings.length - agreeing;
    const steps = findings.filter((finding) => finding.stepAgrees).length;
    const paint = paintFor(session.io.stdout.isTerminal, session.io.env);
    const unit = findings.length === 1 ? 'vector' : 'vectors';
    const totals = `${findings.length} ${unit}: ${agreeing} verdicts as expected, ${differing} differ (${steps} steps as expected)`;
    return {
      exitCode: differing === 0 ? 0 : 1,
      text: `${table(findings, paint)}${totals}\n`,
      json: {
        vectors: findings.length,
        verdicts_as_expected: agreeing,
        verdicts_differ: differing,
        steps_as_expected: steps,
        findings: findings.map(findingObject),
      },
    };
  },
});

function table(findings: readonly Finding[], paint: Paint): string {
  const rows = findings.map((finding) => ({
    id: escapeText(finding.id),
    expected: expectationText(finding.expected),
    actual: expectationText(finding.actual),
    remark: remark(finding, paint),
  }));
  const header = { id: 'vector', expected: 'expected', actual: 'actual', remark: '' };
  const width = (column: 'id' | 'expected' | 'actual'): number =>
    Math.max(...[header, ...rows].map((row) => row[column].length));
  const widths = [width('id'), width('expected'), width('actual')] as const;
  return [header, ...rows]
    .map(
      ({ id, expected, actual, remark: end }) =>
        `${`${id.padEnd(widths[0])}  ${expected.padEnd(widths[1])}  ${actual.padEnd(widths[2])}  ${end}`.trimEnd()}\n`,
    )
    .join('');
}

function expectationText({ verdict, step }: Expectation): string {
  return step === undefined ? verdict : `${verdict} ${escapeText(step)}`;
}

function remark({ verdictAgrees, stepAgrees, denial }: Finding, paint: Paint): string {
  if (!verdictAgrees) return `${paint('red', 'DIFFERS')}${denial ? ` ${denial.code}` : ''}`;
  return stepAgrees ? '' : `${paint('yellow', 'other step')} ${denial?.code ?? ''}`;
}

function findingObject({
  id,
  expected,
  actual,
  denial,
  verdictAgrees,
  stepAgrees,
}: Finding): object {
  return {
    id,
    expected: { verdict: expected.verdict, step: expected.step ?? null },
    actual: { verdict: actual.verdict, step: actual.step ?? null, code: denial?.code ?? null },
    verdict_as_expected: verdictAgrees,
    step_as_expected: stepAgrees,
  };
}
