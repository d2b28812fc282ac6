import { chainCaveats, type VerifierOptions } from '@taper/core';
import { createRandom } from '../src/index.ts';
import { Attack, type Attempt, type Operator } from './attack.ts';
import { findLostCaveat } from './caveats.ts';
import type { Emitter, Verdict } from './emit.ts';
import { type Family, makeFamily } from './family.ts';
import { findGain, findGainOfCall } from './judge.ts';
import { OPERATORS } from './operators.ts';

/** Mutations of one family: its signing and the verifier's cache serve all of them. */
const MUTATIONS = 150;

const DRAWN = OPERATORS.flatMap((each) => Array<Operator>(each.weight).fill(each));

/** How many operators are asked before a mutation is given up, as those without an occasion decline. */
const DRAWS = 12;

export interface Failure {
  readonly kind: 'escalation' | 'false_deny' | 'crash';
  readonly operator: string;
  /** Number of the family and of the mutation in it: with the seed, enough to run it again. */
  readonly family: number;
  readonly mutation: number;
  readonly detail: string;
}

export interface OperatorCount {
  accepted: number;
  denied: number;
  /** Attempts that an honest holder could have made. */
  benign: number;
  benignAccepted: number;
  readonly codes: Record<string, number>;
}

export interface Tally {
  /** Chains presented, those of the families as they were made included. */
  chains: number;
  families: number;
  readonly operators: Record<string, OperatorCount>;
  readonly failures: Failure[];
  /** By processor time of the thread, so that other programs do not count. */
  slowest: { milliseconds: number; operator: string; family: number; mutation: number };
}

export function emptyTally(): Tally {
  return {
    chains: 0,
    families: 0,
    operators: {},
    failures: [],
    slowest: { milliseconds: 0, operator: '', family: 0, mutation: 0 },
  };
}

/** Adds one tally to another. */
export function addTally(sum: Tally, more: Tally): void {
  sum.chains += more.chains;
  sum.families += more.families;
  sum.failures.push(...more.failures);
  if (more.slowest.milliseconds > sum.slowest.milliseconds) sum.slowest = more.slowest;
  for (const [name, count] of Object.entries(more.operators)) {
    const into = countOf(sum, name);
    into.accepted += count.accepted;
    into.denied += count.denied;
    into.benign += count.benign;
    into.benignAccepted += count.benignAccepted;
    for (const [code, times] of Object.entries(count.codes))
      into.codes[code] = (into.codes[code] ?? 0) + times;
  }
}

export interface Campaign {
  readonly seed: string;
  /** Families `first`, `first + step`, …, so that workers never share one. */
  readonly first: number;
  readonly step: number;
  /** Stops after so many chains, */
  readonly chains: number;
  /** or at this time of `performance.now()`. */
  readonly until: number;
  /** Faults to give to the verifier: what a test of the fuzzer must see it find. */
  readonly planted?: Partial<VerifierOptions>;
  /** Takes down every chain and its verdict. */
  readonly emitter?: Emitter | undefined;
}

export function runCampaign(campaign: Campaign): Tally {
  const { seed, first, step, chains, until, planted, emitter } = campaign;
  const tally = emptyTally();
  for (let number = first; tally.chains < chains && performance.now() < until; number += step) {
    const family = startFamily(seed, number, tally, planted, emitter);
    if (family === undefined) continue;
    for (let mutation = 0; mutation < MUTATIONS; mutation += 1) {
      if (tally.chains >= chains || performance.now() >= until) break;
      runMutation(family, number, mutation, tally, emitter);
    }
  }
  emitter?.close();
  return tally;
}

/** Runs one family up to one mutation, as the campaign did, and tells what came of that mutation. */
export function replay(
  seed: string,
  number: number,
  mutation: number,
  planted?: Partial<VerifierOptions>,
): Tally {
  const tally = emptyTally();
  const family = startFamily(seed, number, tally, planted);
  if (family === undefined) return tally;
  for (let before = 0; before < mutation; before += 1)
    runMutation(family, number, before, emptyTally());
  runMutation(family, number, mutation, tally);
  return tally;
}

/** The unmutated chains must verify. */
function startFamily(
  seed: string,
  number: number,
  tally: Tally,
  planted?: Partial<VerifierOptions>,
  emitter?: Emitter,
): Family | undefined {
  tally.families += 1;
  const family = makeFamily(`${seed}/${number}`, planted);
  emitter?.family(family, number);
  for (const tokens of [family.chain, family.twin]) {
    const chain = tokens.map(({ compact }) => compact);
    const verdict = family.verifier.verifyChain(chain, family.now);
    tally.chains += 1;
    const got = verdict.verdict === 'deny' ? verdict.denial : undefined;
    emitter?.attempt(family, `${number}`, 'none', { expect: 'accept', chain }, got);
    if (verdict.verdict === 'verified') continue;
    const detail = `an unmutated chain is denied: ${JSON.stringify(verdict.denial)}`;
    tally.failures.push({
      kind: 'false_deny',
      operator: 'none',
      family: number,
      mutation: 0,
      detail,
    });
    return undefined;
  }
  return family;
}

function runMutation(
  family: Family,
  number: number,
  mutation: number,
  tally: Tally,
  emitter?: Emitter,
): void {
  const random = createRandom(`${family.seed}/${mutation}`);
  for (let draw = 0; draw < DRAWS; draw += 1) {
    const operator = random.pick(DRAWN);
    const attack = new Attack(family, random);
    const attempt = operator.make(attack);
    if (attempt === undefined) continue;
    tally.chains += 1;
    const fail = (kind: Failure['kind'], detail: string): void => {
      tally.failures.push({ kind, operator: operator.name, family: number, mutation, detail });
    };
    const count = countOf(tally, operator.name);
    if (attempt.expect === 'accept') count.benign += 1;
    const before = process.threadCpuUsage();
    const verdict = decide(family, attempt);
    const denial = verdict?.code;
    const { user, system } = process.threadCpuUsage(before);
    const milliseconds = (user + system) / 1000;
    if (milliseconds > tally.slowest.milliseconds)
      tally.slowest = { milliseconds, operator: operator.name, family: number, mutation };
    emitter?.attempt(family, `${number}.${mutation}`, operator.name, attempt, verdict);
    if (denial !== undefined) {
      count.denied += 1;
      count.codes[denial] = (count.codes[denial] ?? 0) + 1;
      if (denial === 'internal_error' || denial.startsWith('threw')) fail('crash', denial);
      else if (attempt.expect === 'accept') fail('false_deny', denial);
      return;
    }
    count.accepted += 1;
    if (attempt.expect === 'accept') count.benignAccepted += 1;
    const gain = gainOf(family, attempt, attack);
    if (gain !== undefined) fail('escalation', gain);
    else if (attempt.expect === 'deny') fail('escalation', 'accepted what must be denied');
    return;
  }
}

/** The denial; undefined when it was accepted. */
function decide(family: Family, attempt: Attempt): Verdict {
  const { chain, invocation, now = family.now } = attempt;
  try {
    if (invocation === undefined) {
      const verdict = family.verifier.verifyChain(chain, now);
      return verdict.verdict === 'deny' ? verdict.denial : undefined;
    }
    const { tool, args, proof } = invocation;
    const presentation = { aat_chain: chain, aat_pop: proof };
    const decision = family.verifier.authorize({ presentation, tool, args, now });
    return decision.verdict === 'deny' ? decision.denial : undefined;
  } catch (error) {
    return { code: `threw ${String(error)}` };
  }
}

function gainOf(family: Family, attempt: Attempt, attack: Attack): string | undefined {
  const { by: key = attack.key } = attempt;
  try {
    const ofCall =
      attempt.invocation === undefined ? undefined : findGainOfCall(family, attempt, key);
    return findGain(family, attempt, key, attack.random) ?? ofCall ?? lostCaveat(family, attempt);
  } catch (error) {
    return `an accepted chain that the judge cannot read: ${String(error)}`;
  }
}

/** What an accepted chain asks, as the verifier hands it out, against what its tokens say. */
function lostCaveat(family: Family, { chain, now = family.now }: Attempt): string | undefined {
  const verdict = family.verifier.verifyChain(chain, now);
  if (verdict.verdict === 'deny') return 'a chain that is denied when it is presented again';
  return findLostCaveat(chain, chainCaveats(verdict.chain), family.profile);
}

function countOf(tally: Tally, operator: string): OperatorCount {
  tally.operators[operator] ??= {
    accepted: 0,
    denied: 0,
    benign: 0,
    benignAccepted: 0,
    codes: {},
  };
  return tally.operators[operator];
}
