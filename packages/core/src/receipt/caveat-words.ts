import type { ReceiptCaveats, ReceiptDemands } from './model.ts';
import { join, name, type Phrase } from './phrase.ts';
import { durationText } from './time-text.ts';
import type { Fact } from './wording.ts';

/** Most pinned tools that are named; JSON has all. What asks for an approval or sets a limit is never left out. */
const MOST_PINS = 5;

/** What a hop asks beyond its tools; nothing for a token of plain AAT. */
export function caveatFacts(caveats: ReceiptCaveats | undefined): readonly Fact[] {
  if (caveats === undefined) return [];
  const { tenant, purpose, budget, approvals, revocation, definitions } = caveats;
  const limits = Object.entries(budget ?? {}).map(([meter, limit]) => limitPhrase(meter, limit));
  return [
    ...namedFact('tenant', tenant === undefined ? [] : [tenant]),
    ...namedFact('purpose', purpose === undefined ? [] : [purpose]),
    ...listFact('budget', limits),
    ...approvalFacts(approvals),
    ...(revocation === undefined
      ? []
      : [revocationFact({ [revocation.log]: revocation.epoch }, revocation.max_staleness)]),
    ...pinFact(Object.entries(definitions ?? {}).map(([tool, hash]) => [tool, [hash]])),
  ];
}

/** What a call under the whole chain has to satisfy beyond its tools. */
export function demandFacts(demands: ReceiptDemands | undefined): readonly Fact[] {
  if (demands === undefined) return [];
  const { tenant, purposes = [], budget = [], approvals, revocation, definitions } = demands;
  const limits = budget.map(
    ({ hop, meter, limit }): Phrase => [...limitPhrase(meter, limit), ` by hop ${hop}`],
  );
  return [
    ...namedFact('tenant', tenant === undefined ? [] : [tenant]),
    ...namedFact('purpose', purposes),
    ...listFact('budget', limits),
    ...approvalFacts(approvals),
    ...(revocation === undefined
      ? []
      : [revocationFact(revocation.epochs, revocation.max_staleness)]),
    ...pinFact(Object.entries(definitions ?? {})),
  ];
}

function namedFact(label: string, names: readonly string[]): readonly Fact[] {
  return listFact(
    label,
    names.map((each) => [name(each)]),
  );
}

function listFact(label: string, phrases: readonly Phrase[]): readonly Fact[] {
  return phrases.length === 0 ? [] : [{ label, phrase: join(phrases, ', ') }];
}

function limitPhrase(meter: string, limit: string): Phrase {
  return [name(meter), ` ≤ ${limit}`];
}

function approvalFacts(approvals: ReceiptCaveats['approvals'] = {}): readonly Fact[] {
  return Object.entries(approvals).map(([tool, groups]) => ({
    label: 'approval',
    phrase: [
      name(tool),
      ' needs ',
      ...join(
        Object.entries(groups).map(([group, count]): Phrase => [`${count} of `, name(group)]),
        ', ',
      ),
    ],
  }));
}

function revocationFact(epochs: Readonly<Record<string, number>>, maxStaleness: number): Fact {
  const logs = Object.entries(epochs).map(
    ([log, epoch]): Phrase => [name(log), ` from epoch ${epoch}`],
  );
  return {
    label: 'revocation',
    phrase: [...join(logs, ', '), `, known of the last ${durationText(maxStaleness)}`],
  };
}

/** Several hashes for one tool: it would have to be all of them, so it is not permitted. */
function pinFact(pins: readonly (readonly [string, readonly string[]])[]): readonly Fact[] {
  const shown = pins.slice(0, MOST_PINS).map(
    ([tool, hashes]): Phrase => [
      name(tool),
      ' is ',
      ...join(
        hashes.map((thumbprint): Phrase => [{ thumbprint }]),
        ' and ',
      ),
    ],
  );
  const more = pins.length - shown.length;
  if (more > 0) shown.push([`${more} more`]);
  return listFact('pinned', shown);
}
