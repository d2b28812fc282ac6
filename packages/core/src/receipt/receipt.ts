import {
  type ChainVerdict,
  isVerifiedChain,
  type VerifiedChain,
  type VerifiedToken,
} from '../chain.ts';
import type { Denial } from '../denial.ts';
import { TaperError } from '../error.ts';
import { checkInvocation } from '../invocation.ts';
import type { PublicKey } from '../key.ts';
import { type Decision, type Deny, isPermit, type Permit } from '../verifier.ts';
import { receiptCaveats, receiptDemands } from './caveats.ts';
import { hopChecks, type RevocationKnowledge, requireKnowledge } from './checks.ts';
import type {
  PermittedCall,
  Reach,
  Receipt,
  ReceiptAuthority,
  ReceiptBreak,
  ReceiptDenial,
  ReceiptGrant,
  ReceiptHop,
  ReceiptKey,
  RefusedCall,
} from './model.ts';
import { receiptGrant, toolAuthorities, toolChanges } from './narrowing.ts';
import { timeText } from './time-text.ts';

export interface ReceiptOptions {
  /** The reader's own names for keys, by RFC 7638 thumbprint. */
  readonly names?: ReadonlyMap<string, string>;
  /** Seconds since the epoch, an integer: adds the time that is left. */
  readonly now?: number;
  /** What was known of revocations when the chain was judged: each hop says whether that is as fresh as the chain demands. */
  readonly revocation?: RevocationKnowledge;
}

const minted = new WeakSet<Receipt>();

/**
 * Draws the receipt of a verdict. Deterministic: it reads no clock.
 * @throws {TaperError} `not_verified` when a chain or a permit is not what a verifier gave; `option_invalid`.
 */
export function createReceipt(
  verdict: Decision | ChainVerdict,
  options: ReceiptOptions = {},
): Receipt {
  if (options.now !== undefined && !Number.isSafeInteger(options.now)) {
    throw new TaperError('option_invalid', '`now` must be whole seconds since the epoch.');
  }
  if (options.revocation !== undefined) {
    requireKnowledge(options.revocation, verdict.verdict === 'deny' ? verdict.denial : undefined);
  }
  const receipt = deepFreeze(draw(verdict, options));
  minted.add(receipt);
  return receipt;
}

/** @throws {TaperError} `not_verified` unless `createReceipt` made it: parsed from JSON, a receipt is a claim and not a verdict. */
export function requireReceipt(receipt: Receipt): void {
  if (!minted.has(receipt)) {
    throw new TaperError('not_verified', 'Only a receipt made from a verdict can be shown.', {
      hint: 'Verify the chain again and pass the verdict to createReceipt.',
    });
  }
}

function draw(verdict: Decision | ChainVerdict, options: ReceiptOptions): Receipt {
  switch (verdict.verdict) {
    case 'verified':
      return { ...wholeChain(verdict.chain, options), status: 'verified' };
    case 'permit': {
      const call = permittedCall(verdict);
      return { ...wholeChain(verdict.chain, options), status: 'verified', call };
    }
    case 'deny': {
      if ('verifiedPrefix' in verdict) return brokenChain(verdict.denial, verdict, options);
      return deniedDecision(verdict, options);
    }
    default:
      throw forged();
  }
}

function deniedDecision({ denial, chainVerdict }: Deny, options: ReceiptOptions): Receipt {
  if (chainVerdict?.verdict === 'deny') return brokenChain(denial, chainVerdict, options);
  const { tool, argument } = denial.facts;
  if (chainVerdict === undefined) {
    return {
      ...preamble(options),
      status: 'denied',
      denial: receiptDenial(denial),
      hops: [],
      call: refusedCall(tool, argument, undefined),
    };
  }
  const { chain } = chainVerdict;
  if (faultsToken(denial, chain)) {
    const verdict = { verifiedPrefix: chain.tokens, presented: chain.tokens.length };
    return brokenChain(denial, verdict, options, chain.anchor.key);
  }
  return {
    ...wholeChain(chain, options),
    status: 'denied',
    denial: receiptDenial(denial),
    call: refusedCall(tool, argument, grantAt(chain.leaf, tool, argument)),
  };
}

/** Whether an enforcement point found fault with a token after the chain had verified, such as an expiry since. */
function faultsToken({ hop, step }: Denial, chain: VerifiedChain): boolean {
  if (!isVerifiedChain(chain)) throw forged();
  return hop !== undefined && hop < chain.tokens.length && /^[1-5]/.test(step ?? '');
}

function brokenChain(
  denial: Denial,
  { verifiedPrefix, presented }: Pick<BrokenChain, 'verifiedPrefix' | 'presented'>,
  options: ReceiptOptions,
  anchor?: PublicKey,
): Receipt {
  const { hop } = denial;
  const tokens = verifiedPrefix.slice(0, hop);
  const parent = tokens.length === hop ? tokens.at(-1) : undefined;
  const { tool, argument } = denial.facts;
  const allowed = parent === undefined ? undefined : grantAt(parent, tool, argument);
  const broken: ReceiptBreak = {
    ...(hop === undefined ? {} : { hop }),
    unverified_before: hop === undefined ? 0 : hop - tokens.length,
    not_examined: Math.max(0, presented - (hop === undefined ? tokens.length : hop + 1)),
    ...(parent === undefined ? {} : { expected_signer: keyOf(parent.claims.holder, options) }),
    ...(allowed === undefined ? {} : { parent_grant: allowed }),
  };
  return {
    ...preamble(options),
    status: 'denied',
    presented,
    denial: receiptDenial(denial),
    hops: drawHops(tokens, anchor, options),
    break: broken,
  };
}

type BrokenChain = Extract<ChainVerdict, { readonly verdict: 'deny' }>;

function preamble({ now }: ReceiptOptions): { readonly receipt: 1; readonly as_of?: string } {
  return { receipt: 1, ...(now === undefined ? {} : { as_of: timeText(now) }) };
}

function wholeChain(
  chain: VerifiedChain,
  options: ReceiptOptions,
): {
  readonly receipt: 1;
  readonly presented: number;
  readonly hops: readonly ReceiptHop[];
  readonly authority: ReceiptAuthority;
} {
  if (!isVerifiedChain(chain)) throw forged();
  const hops = drawHops(chain.tokens, chain.anchor.key, options);
  const last = hops.at(-1) as ReceiptHop;
  const { expires_at, seconds_left } = last.time;
  const caveats = receiptDemands(chain);
  const authority: ReceiptAuthority = {
    tools: toolAuthorities(chain.leaf.claims.capabilities),
    expires_at,
    ...(seconds_left === undefined ? {} : { seconds_left }),
    further_hops: last.depth.further_hops,
    audience: last.audience.after,
    ...(caveats === undefined ? {} : { caveats }),
  };
  return { ...preamble(options), presented: chain.tokens.length, hops, authority };
}

function drawHops(
  tokens: readonly VerifiedToken[],
  anchor: PublicKey | undefined,
  options: ReceiptOptions,
): readonly ReceiptHop[] {
  let reach: Reach = 'anywhere';
  return tokens.map(({ claims, hash }, hop) => {
    const parent = tokens[hop - 1]?.claims;
    const before = reach;
    reach = narrowReach(before, claims.aud);
    const signer = parent === undefined ? anchor : parent.holder;
    const caveats = receiptCaveats(claims.caveats);
    const tools = toolChanges(parent?.capabilities, claims.capabilities);
    const checks = hopChecks(tokens.slice(0, hop + 1), tools, options);
    if (checks === undefined) throw forged();
    return {
      hop,
      token: { id: claims.jti, hash },
      from: {
        ...(parent === undefined ? { issuer: claims.iss } : {}),
        ...(signer === undefined ? {} : keyOf(signer, options)),
      },
      to: keyOf(claims.holder, options),
      tools,
      time: {
        issued_at: timeText(claims.iat),
        expires_at: timeText(claims.exp),
        lifetime: claims.exp - claims.iat,
        ...(parent === undefined ? {} : { shortened_by: parent.exp - claims.exp }),
        ...(options.now === undefined
          ? {}
          : { seconds_left: Math.max(0, claims.exp - options.now) }),
      },
      depth: {
        depth: claims.delDepth,
        max_depth: claims.delMaxDepth,
        further_hops: claims.delMaxDepth - claims.delDepth,
        ...(parent === undefined ? {} : { parent_max_depth: parent.delMaxDepth }),
      },
      audience: { ...(parent === undefined ? {} : { before }), after: reach },
      checks,
      ...(caveats === undefined ? {} : { caveats }),
    };
  });
}

/** Every token with an audience must name the enforcement point (step 6c); a malformed one (`null`) names none. */
function narrowReach(before: Reach, aud: readonly string[] | null | undefined): Reach {
  if (aud === undefined) return before;
  const named = [...new Set(aud ?? [])];
  return before === 'anywhere' ? named : before.filter((place) => named.includes(place));
}

function keyOf({ thumbprint }: PublicKey, { names }: ReceiptOptions): ReceiptKey {
  const name = names?.get(thumbprint);
  return name === undefined || name === '' ? { thumbprint } : { thumbprint, name };
}

function grantAt(
  token: VerifiedToken,
  tool: string | undefined,
  argument: string | undefined,
): ReceiptGrant | undefined {
  if (tool === undefined || argument === undefined) return undefined;
  const constraint = token.claims.capabilities.get(tool)?.named.get(argument);
  return constraint === undefined ? undefined : receiptGrant(constraint);
}

/** The call, judged once more against the leaf, so that "satisfied" is never taken on trust. */
function permittedCall(permit: Permit): PermittedCall {
  if (!isPermit(permit)) throw forged();
  const { chain, tool, args, proof } = permit;
  const { capabilities } = chain.leaf.claims;
  if (checkInvocation(capabilities, tool, args) !== undefined) throw forged();
  return {
    outcome: 'permitted',
    tool,
    arguments: Object.keys(args).map((argument) => {
      const grant = grantAt(chain.leaf, tool, argument);
      return { argument, ...(grant === undefined ? {} : { grant }) };
    }),
    ...(proof === undefined
      ? {}
      : { proof: { id: proof.id, issued_at: timeText(proof.issuedAt) } }),
  };
}

function refusedCall(
  tool: string | undefined,
  argument: string | undefined,
  grant: ReceiptGrant | undefined,
): RefusedCall {
  return {
    outcome: 'refused',
    ...(tool === undefined ? {} : { tool }),
    ...(argument === undefined ? {} : { argument }),
    ...(grant === undefined ? {} : { grant }),
  };
}

function receiptDenial({ code, hop, step, facts }: Denial): ReceiptDenial {
  return {
    code,
    ...(hop === undefined ? {} : { hop }),
    ...(step === undefined ? {} : { step }),
    facts: { ...facts },
  };
}

function forged(): TaperError {
  return new TaperError('not_verified', 'A receipt is drawn from a verdict that a verifier gave.', {
    hint: 'Pass what verifyChain or authorize returned, unchanged.',
  });
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) deepFreeze(member);
    Object.freeze(value);
  }
  return value;
}
