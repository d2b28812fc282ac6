import { parseJson } from '@taper/core';
import { typicalVerifier } from './calls.ts';
import type { Target } from './figure.ts';
import { hostileCalls } from './hostile-calls.ts';
import { hostileChains } from './hostile-chains.ts';
import { type HostileInput, hostilePresentations } from './hostile-presentations.ts';
import { hostileTexts } from './hostile-texts.ts';
import { median } from './measure.ts';
import { NOW, typicalChain, typicalProof } from './scene.ts';

export interface HostileFigure {
  readonly name: string;
  readonly by: 'anybody' | 'holder';
  readonly kilobytes: number;
  /** Milliseconds of CPU time of the whole process, garbage collection included: the median of the runs. */
  readonly milliseconds: number;
  /** The longest run, the first one included. */
  readonly worst: number;
  /** What became of it: `permit`, the code of the denial, or for JSON text what is wrong with it. */
  readonly verdict: string;
}

/** What the most laborious inputs that we know of cost, whatever becomes of them. Nothing is cached. */
export async function measureHostile(
  runs: number,
): Promise<{ figures: readonly HostileFigure[]; targets: readonly Target[] }> {
  const good = await typicalProof(await typicalChain(3));
  const inputs = [
    ...hostilePresentations(good),
    ...(await hostileCalls()),
    ...(await hostileChains()),
  ];
  const figures = [
    ...[...hostileTexts()].map(([name, text]) => measureText(name, text, runs)),
    ...inputs.map((input) => measureInput(input, runs)),
  ];
  const worst = Math.max(...figures.map(({ milliseconds }) => milliseconds));
  return {
    figures,
    targets: [{ name: 'worst hostile input up to 1 MB', limit: 50, value: worst, unit: 'ms' }],
  };
}

function measureText(name: string, text: string, runs: number): HostileFigure {
  const parse = (): string => {
    const parsed = parseJson(text);
    return parsed.ok ? 'parsed' : parsed.problem;
  };
  return {
    name: `JSON: ${name}`,
    by: 'anybody',
    kilobytes: text.length / 1024,
    ...time(parse, runs),
  };
}

function measureInput(
  { name, by, presentation, tool, args }: HostileInput,
  runs: number,
): HostileFigure {
  const verifier = typicalVerifier(0);
  const size = [...presentation.aat_chain, presentation.aat_pop, JSON.stringify(args)]
    .map(({ length }) => length)
    .reduce((sum, length) => sum + length);
  const judge = (): string => {
    const decision = verifier.authorize({ presentation, tool, args, now: NOW });
    return decision.verdict === 'permit' ? 'permit' : decision.denial.code;
  };
  return { name, by, kilobytes: size / 1024, ...time(judge, runs) };
}

function time(
  run: () => string,
  runs: number,
): Pick<HostileFigure, 'milliseconds' | 'worst' | 'verdict'> {
  const spent: number[] = [];
  let verdict = '';
  for (let turn = 0; turn < runs; turn += 1) {
    const before = process.cpuUsage();
    verdict = run();
    const { user, system } = process.cpuUsage(before);
    spent.push((user + system) / 1000);
  }
  return { milliseconds: median(spent), worst: Math.max(...spent), verdict };
}
