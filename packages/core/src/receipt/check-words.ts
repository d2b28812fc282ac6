import type { HopChecks, KnownRevocations, RevocationCheck, ScopeCheck } from './model.ts';
import { join, name, type Phrase } from './phrase.ts';
import { durationText } from './time-text.ts';
import type { Fact } from './wording.ts';

/** Most tools of a kind that are named; JSON has all. */
const MOST_TOOLS = 5;

/** What was checked of scope and revocation; the time that a hop ends is said together with its parent's. */
export function checkFacts({
  scope,
  revocation,
}: HopChecks): readonly [scope: Fact, freshness: Fact] {
  return [
    { label: 'scope', phrase: scopePhrase(scope) },
    { label: 'freshness', phrase: freshnessPhrase(revocation) },
  ];
}

function scopePhrase(scope: ScopeCheck): Phrase {
  if (scope.result === 'granted') return ['granted by the issuer'];
  const kinds = (['narrowed', 'dropped', 'unchanged'] as const).filter(
    (kind) => scope[kind].length > 0,
  );
  const counts = kinds.map((kind): Phrase => [`${kind} `, ...toolsPhrase(scope[kind])]);
  const none: Phrase = ['which has none'];
  return [
    'provably a subset of its parent: ',
    ...(counts.length === 0 ? none : join(counts, '; ')),
  ];
}

function toolsPhrase(tools: readonly string[]): Phrase {
  const shown = tools.slice(0, MOST_TOOLS).map((tool): Phrase => [name(tool)]);
  const more = tools.length - shown.length;
  if (more > 0) shown.push([`${more} more`]);
  return join(shown, ', ');
}

function freshnessPhrase(check: RevocationCheck): Phrase {
  const { known } = check;
  const said: Phrase = known === undefined ? [] : ['; ', ...knownPhrase(known)];
  if (check.result === 'not_demanded') return ['no knowledge of revocations demanded', ...said];
  const logs = Object.entries(check.epochs).map(
    ([log, epoch]): Phrase => [name(log), ` from epoch ${epoch}`],
  );
  const hops = `${check.by_hops.length === 1 ? 'hop' : 'hops'} ${check.by_hops.join(', ')}`;
  return [
    `revocations at most ${durationText(check.max_staleness)} ago have to be known, `,
    ...join(logs, ', '),
    ` (by ${hops})`,
    ...said,
  ];
}

function knownPhrase({ log, epoch, as_of, age, meets_demand: meets }: KnownRevocations): Phrase {
  return [
    `nothing revoked as of ${as_of}`,
    age === undefined ? '' : ` (${durationText(age)} before)`,
    ', by ',
    name(log),
    ` at epoch ${epoch}`,
    meets === undefined ? '' : meets ? ': as demanded' : ': not what is demanded',
  ];
}
