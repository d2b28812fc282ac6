import { findWidening } from '../capability.ts';
import { accumulate, type RevocationDemand } from '../caveat/accumulate.ts';
import type { VerifiedToken } from '../chain.ts';
import type { Denial } from '../denial.ts';
import { TaperError } from '../error.ts';
import type {
  HopChecks,
  KnownRevocations,
  RevocationCheck,
  ScopeCheck,
  ToolChange,
} from './model.ts';
import { timeText } from './time-text.ts';

/**
 * Knowledge that nothing of the chain was revoked, from whoever was asked when it was judged: a view, or a verified staple about
 * this very chain. Whoever knows of a revocation has a denial, and draws the receipt of that.
 */
export interface RevocationKnowledge {
  /** Origin of the log. */
  readonly log: string;
  /** The epoch that the knowledge is of. */
  readonly epoch: number;
  /** Seconds since the epoch up to which every revocation in the log was known. */
  readonly asOf: number;
}

/**
 * What an audit asks of one hop: scope, time, revocation. Judged anew from the tokens, root first, of which the last is the hop's own;
 * `undefined` when it grants more than its parent or ends later, so that no verifier can have let it pass.
 */
export function hopChecks(
  tokens: readonly VerifiedToken[],
  changes: readonly ToolChange[],
  { now, revocation }: { readonly now?: number; readonly revocation?: RevocationKnowledge },
): HopChecks | undefined {
  const [parent, child] = tokens.slice(-2).map(({ claims }) => claims);
  const check = revocationCheck(tokens, now, revocation);
  if (parent === undefined || child === undefined) {
    return { scope: { result: 'granted' }, time: { result: 'granted' }, revocation: check };
  }
  if (findWidening(parent.capabilities, child.capabilities) !== undefined) return undefined;
  if (child.exp > parent.exp) return undefined;
  return {
    scope: scopeCheck(changes),
    time: { result: 'within_parent', parent_expires_at: timeText(parent.exp) },
    revocation: check,
  };
}

function scopeCheck(changes: readonly ToolChange[]): ScopeCheck {
  const that = (wanted: ToolChange['change']): string[] =>
    changes.filter(({ change }) => change === wanted).map(({ tool }) => tool);
  return {
    result: 'subset',
    narrowed: that('narrowed'),
    dropped: that('dropped'),
    unchanged: that('unchanged'),
  };
}

/** A demand counts from the hop that makes it to the leaf, so a hop is under all that those above it ask. */
function revocationCheck(
  tokens: readonly VerifiedToken[],
  now: number | undefined,
  knowledge: RevocationKnowledge | undefined,
): RevocationCheck {
  const demand = accumulate(tokens).revocation;
  const known = knowledge === undefined ? {} : { known: knownOf(knowledge, demand, now) };
  if (demand === undefined) return { result: 'not_demanded', ...known };
  return {
    result: 'demanded',
    by_hops: [...tokens.keys()].filter(
      (hop) => tokens[hop]?.claims.caveats?.revocation !== undefined,
    ),
    epochs: Object.fromEntries(demand.epochs),
    max_staleness: demand.maxStaleness,
    ...known,
  };
}

function knownOf(
  { log, epoch, asOf }: RevocationKnowledge,
  demand: RevocationDemand | undefined,
  now: number | undefined,
): KnownRevocations {
  const age = now === undefined ? undefined : Math.max(0, now - asOf);
  return {
    log,
    epoch,
    as_of: timeText(asOf),
    ...(age === undefined ? {} : { age }),
    ...(age === undefined || demand === undefined
      ? {}
      : {
          meets_demand:
            age <= demand.maxStaleness &&
            demand.logs.every((each) => each === log) &&
            [...demand.epochs.values()].every((least) => epoch >= least),
        }),
  };
}

/** @throws {TaperError} `option_invalid`. */
export function requireKnowledge(knowledge: RevocationKnowledge, denial: Denial | undefined): void {
  const { log, epoch, asOf, revoked } = knowledge as RevocationKnowledge & { revoked?: unknown };
  if (revoked !== undefined || denial?.code === 'revoked') {
    throw new TaperError('option_invalid', 'Something of this chain is known to be revoked.', {
      hint: 'Draw the receipt of the denial, and leave `revocation` out.',
    });
  }
  const isWhole = Number.isSafeInteger(asOf) && Number.isSafeInteger(epoch) && epoch >= 0;
  if (typeof log !== 'string' || log === '' || !isWhole) {
    throw new TaperError('option_invalid', '`revocation` says which log, epoch and time is known.');
  }
}
