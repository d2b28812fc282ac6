import type { VerifiedToken } from '../chain.ts';
import { type Problem, problem } from '../denial.ts';
import { TaperError } from '../error.ts';
import type { ChainCaveats } from './accumulate.ts';
import type { Caveats } from './caveats.ts';
import { isCaveatText } from './shape.ts';

/** What an enforcement point judges caveats by. Without members it understands the profile, has no tenant and was given no purpose. */
export interface ProfileContext {
  /** The tenant that this enforcement point serves. The root of every chain must name it then; without one, no chain may name any. */
  readonly tenant?: string;
  /** The one task that may be done here. Every chain must have been made for it then. */
  readonly purpose?: string;
}

/** What a caveat refuses, and the token that carries it. */
export interface CaveatProblem {
  readonly problem: Problem;
  readonly hop: number | undefined;
}

/** Checks the context of a verifier. @throws {TaperError} `option_invalid`. */
export function completeProfile(profile: ProfileContext | undefined): ProfileContext | undefined {
  if (profile === undefined) return undefined;
  if (typeof profile !== 'object' || profile === null)
    throw new TaperError('option_invalid', '`profile` must be an object.', {
      hint: 'Pass {} to understand the profile without a tenant or a purpose.',
    });
  const { tenant, purpose, ...rest } = profile;
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined)
    throw new TaperError('option_invalid', `\`profile\` has no member \`${unknown}\`.`);
  for (const [name, value] of Object.entries({ tenant, purpose })) {
    if (value !== undefined && !isCaveatText(value))
      throw new TaperError(
        'option_invalid',
        `\`profile.${name}\` must be a string of 1 to 256 characters.`,
      );
  }
  return Object.freeze({
    ...(tenant === undefined ? {} : { tenant }),
    ...(purpose === undefined ? {} : { purpose }),
  });
}

/** Whether a chain with these caveats may be used here at all, whatever the call (spec/profile.md sections 5.1 and 5.2). */
export function checkContext(
  caveats: ChainCaveats,
  tokens: readonly VerifiedToken[],
  context: ProfileContext,
): CaveatProblem | undefined {
  const { tenant, purpose } = context;
  // By its root: otherwise a holder could name, further down, whatever tenant it likes.
  const assigned = tokens[0]?.claims.caveats?.tenant;
  if (caveats.tenant !== tenant || assigned !== tenant) {
    let reason = 'different';
    if (tenant === undefined) reason = 'unexpected';
    else if (caveats.tenant === undefined || caveats.tenant === tenant) reason = 'absent';
    return {
      problem: problem('tenant_mismatch', undefined, { reason }),
      hop: hopOf(tokens, ({ tenant: named }) => named !== undefined),
    };
  }
  if (purpose === undefined) return undefined;
  const { purposes } = caveats;
  if (purposes.length === 1 && purposes[0] === purpose) return undefined;
  const reason = purposes.length === 0 ? 'absent' : 'different';
  return {
    problem: problem('purpose_mismatch', undefined, { reason }),
    hop: hopOf(tokens, ({ purpose: named }) => named !== undefined && named !== purpose),
  };
}

/** Whether the tool still is what was granted (spec/profile.md section 5.3). `definition`: its hash as it is now, where that is known. */
export function checkDefinition(
  caveats: ChainCaveats,
  tokens: readonly VerifiedToken[],
  tool: string,
  definition: string | undefined,
): CaveatProblem | undefined {
  const pinned = caveats.definitions(tool);
  if (pinned.length === 0) return undefined;
  if (pinned.every((hash) => hash === definition)) return undefined;
  const code = definition === undefined ? 'definition_unknown' : 'definition_changed';
  return {
    problem: problem(code, undefined, { tool }),
    hop: hopOf(tokens, ({ definitions }) => {
      const hash = definitions?.get(tool);
      return hash !== undefined && hash !== definition;
    }),
  };
}

/** The first token whose caveats are meant. */
function hopOf(
  tokens: readonly VerifiedToken[],
  isMeant: (caveats: Caveats) => boolean,
): number | undefined {
  const hop = tokens.findIndex(
    ({ claims }) => claims.caveats !== undefined && isMeant(claims.caveats),
  );
  return hop === -1 ? undefined : hop;
}
