import type { DenialCode } from '@taper/core';
import type { Scenario, Vector } from '@taper/testkit';

/** A rule: what breaks it, and nothing else, and the nearest to it that does not. */
export interface Case {
  /** Step and a word, such as `3e.expired`. The permitted neighbour has the same with `.permitted` behind it, unless another vector is that call already. */
  readonly id: string;
  /** `null` for a rule that the draft has no step for. */
  readonly step: string | null;
  readonly code: DenialCode;
  /** The token at fault, where one is. */
  readonly hop?: number;
  readonly policy?: Vector['policy'];
  /** True where Taper refuses what the draft lets pass or leaves open: `spec/stricter-choices.md`. */
  readonly stricter?: boolean;
  /** The rule as broken: "refuses …". */
  readonly refuses: string;
  readonly denied: Scenario;
  /** The rule as kept: "accepts …". */
  readonly accepts: string;
  readonly permitted: Scenario;
  /** Why, where the titles do not say it; attack identifiers of the catalogue. */
  readonly note?: string;
}

/** Something that is permitted, and that no denial is next to. */
export interface Permitted {
  readonly id: string;
  readonly accepts: string;
  readonly permitted: Scenario;
  readonly policy?: Vector['policy'];
  readonly note?: string;
}

/** What is the same in each case of a group. */
export function at(
  step: string,
  code: DenialCode,
  hop?: number,
): (
  word: string,
  refuses: string,
  denied: Scenario,
  accepts: string,
  permitted: Scenario,
  more?: Pick<Case, 'policy' | 'stricter' | 'note'>,
) => Case {
  return (word, refuses, denied, accepts, permitted, more = {}) => ({
    id: `${step}.${word}`,
    step,
    code,
    ...(hop === undefined ? {} : { hop }),
    refuses,
    denied,
    accepts,
    permitted,
    ...more,
  });
}
