import type { GrantPlan } from '@taper/authority';
import type { Option } from 'commander';
import { Failure } from '../failure.ts';
import { flagOption } from '../option.ts';

export interface WideningOptions {
  readonly failOnWidening?: boolean;
}

export const failOnWideningOption: Option = flagOption(
  '--fail-on-widening',
  'exit with 1 where somebody could get more than before',
);

/** Why a plan is not accepted, where widening is not. */
export function wideningProblem(
  { widens }: GrantPlan,
  { failOnWidening }: WideningOptions,
): Failure | undefined {
  if (!widens || failOnWidening !== true) return undefined;
  return new Failure('grants_widen', 'the grants would widen authority', {
    field: '--fail-on-widening',
    hint: 'Have the differences marked + and ! looked at, and go on without the option.',
  });
}

/** A plan as JSON. */
export function reportPlan(version: number, { changes, widens, unchanged }: GrantPlan): object {
  return { version, widens, unchanged, changes };
}
