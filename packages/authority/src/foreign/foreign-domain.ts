import {
  chainCaveats,
  createVerifier,
  isTenantName,
  isWellKnownTestKey,
  type LogTrust,
  type PublicKey,
  requireKnownOptions,
  requireLogTrust,
  revocationSubject,
  TaperError,
  type VerifiedChain,
  type Verifier,
  verifyStaple,
} from '@taper/core';
import { AuthorityRefusal } from '../refusal.ts';

/** Seconds by which the clock of a foreign log may be ahead. */
const MAX_LOG_SKEW = 60;

/** A trust domain whose chains may be exchanged here, where a grant maps their tools. Configured by the operator, never learned. */
export interface ForeignDomainOptions {
  /** `iss` of its roots, compared byte for byte. */
  readonly issuer: string;
  /** Its root keys, at least one. */
  readonly anchors: readonly PublicKey[];
  /** The one tenant of that domain whose chains come in. Without it, a chain that names a tenant is refused. */
  readonly tenant?: string;
  /** The log in which it publishes revocations. Given, every exchange must bring a staple of that log. */
  readonly revocation?: {
    readonly trust: LogTrust;
    /** Seconds: the greatest age of a staple. */
    readonly maxStaleness: number;
  };
}

/** A chain of a foreign domain that may come in. */
export interface ForeignChain {
  readonly chain: VerifiedChain;
  /** Seconds since the epoch: when the chain ends, or what is known of its revocation is too old. */
  readonly expiresAt: number;
}

export interface ForeignDomains {
  /** Whether chains of this issuer are known at all. */
  knows(issuer: string): boolean;
  /** Whether the key is an anchor of any of them. */
  isAnchor(key: PublicKey): boolean;
  /**
   * Verifies a chain of a known issuer, that it was made to be brought here, and by a staple that nothing of it is revoked.
   * @throws {AuthorityRefusal} `subject_refused` with the reason in its facts.
   */
  verify(
    issuer: string,
    tokens: readonly string[],
    evidence: string | undefined,
    now: number,
  ): ForeignChain;
}

interface ForeignDomain extends ForeignDomainOptions {
  readonly verifier: Verifier;
}

/**
 * Takes in the configuration of foreign domains.
 * @param issuer this authority's own issuer: what a foreign chain must name as an audience, and never a foreign domain.
 * @throws {TaperError} `option_invalid`.
 */
export function createForeignDomains(
  domains: readonly ForeignDomainOptions[],
  issuer: string,
): ForeignDomains {
  const known = new Map<string, ForeignDomain>();
  const keys = new Set<string>();
  for (const domain of domains) {
    if (domain.issuer === issuer || known.has(domain.issuer))
      throw invalid(`\`${domain.issuer}\` cannot be a foreign domain, or is one already.`);
    for (const { thumbprint } of domain.anchors) {
      if (keys.has(thumbprint)) throw invalid('One key is the anchor of two foreign domains.');
      keys.add(thumbprint);
    }
    known.set(domain.issuer, prepare(domain));
  }
  return Object.freeze({
    knows: (name: string) => known.has(name),
    isAnchor: ({ thumbprint }: PublicKey) => keys.has(thumbprint),
    verify(
      name: string,
      tokens: readonly string[],
      evidence: string | undefined,
      now: number,
    ): ForeignChain {
      const domain = known.get(name);
      if (domain === undefined) throw refused('issuer');
      return verifyForeign(domain, tokens, evidence, now, issuer);
    },
  });
}

function prepare(domain: ForeignDomainOptions): ForeignDomain {
  requireKnownOptions(domain, ['issuer', 'anchors', 'tenant', 'revocation']);
  const { issuer, anchors, tenant, revocation } = domain;
  if (anchors.some(isWellKnownTestKey))
    throw invalid(`An anchor of \`${issuer}\` is a key that everybody has.`);
  if (tenant !== undefined && !isTenantName(tenant))
    throw invalid(`The tenant of \`${issuer}\` is no name.`);
  if (revocation !== undefined) {
    requireKnownOptions(revocation, ['trust', 'maxStaleness']);
    requireLogTrust(revocation.trust);
    if (!Number.isSafeInteger(revocation.maxStaleness) || revocation.maxStaleness < 1)
      throw invalid('`maxStaleness` must be whole seconds, at least 1.');
  }
  const verifier = createVerifier({
    anchors: anchors.map((key) => ({ issuer, key })),
    profile: {},
  });
  return Object.freeze({ ...domain, verifier });
}

function verifyForeign(
  domain: ForeignDomain,
  tokens: readonly string[],
  evidence: string | undefined,
  now: number,
  audience: string,
): ForeignChain {
  const verdict = domain.verifier.verifyChain(tokens, now);
  if (verdict.verdict === 'deny') {
    const { code, hop } = verdict.denial;
    throw refused('chain', { denial: code, ...(hop === undefined ? {} : { hop }) });
  }
  const { chain } = verdict;
  // The profile's rule (spec/profile.md section 5.1), as the operator wrote it for that domain.
  const caveats = chainCaveats(chain);
  const assigned = chain.tokens[0]?.claims.caveats?.tenant;
  if (caveats.tenant !== domain.tenant || assigned !== domain.tenant) throw refused('tenant');
  const audiences = chain.tokens.flatMap(({ claims }) =>
    claims.aud === undefined ? [] : [claims.aud ?? []],
  );
  if (audiences.length === 0 || !audiences.every((named) => named.includes(audience)))
    throw refused('audience');
  requireCarried(chain);
  const knownUntil = checkStaple(domain, chain, evidence, now);
  return { chain, expiresAt: Math.min(chain.leaf.claims.exp, knownUntil) };
}

/** Groups of approvers, definitions, accounts and tasks are names of the other domain, and mean nothing here. */
function requireCarried(chain: VerifiedChain): void {
  const caveats = chainCaveats(chain);
  if (caveats.budgets.length > 0) throw refused('caveat', { caveat: 'budget' });
  if (caveats.purposes.length > 0) throw refused('caveat', { caveat: 'purpose' });
  for (const tool of chain.leaf.claims.capabilities.keys()) {
    if (caveats.approvals(tool).size > 0) throw refused('caveat', { caveat: 'approvals' });
    if (caveats.definitions(tool).length > 0) throw refused('caveat', { caveat: 'definitions' });
  }
}

/** When what is known of the chain's revocation is too old: its revocation caveat is kept by ending before that. */
function checkStaple(
  { revocation }: ForeignDomain,
  chain: VerifiedChain,
  evidence: string | undefined,
  now: number,
): number {
  const demand = chainCaveats(chain).revocation;
  if (revocation === undefined) {
    if (demand !== undefined) throw refused('caveat', { caveat: 'revocation' });
    return Number.POSITIVE_INFINITY;
  }
  const { trust, maxStaleness } = revocation;
  if (demand?.logs.some((log) => log !== trust.origin))
    throw refused('caveat', { caveat: 'revocation' });
  if (evidence === undefined) throw refused('staple_missing');
  const verdict = verifyStaple(evidence, revocationSubject(chain), trust, { now });
  if (!verdict.ok) throw refused('staple_invalid', { problem: verdict.problem });
  if (verdict.revoked !== undefined) throw refused('revoked', { what: verdict.revoked.what });
  const allowed = Math.min(maxStaleness, demand?.maxStaleness ?? maxStaleness);
  const isBehind = verdict.epoch < (demand?.epochs.get(trust.origin) ?? 0);
  if (isBehind || verdict.asOf > now + MAX_LOG_SKEW || now - verdict.asOf >= allowed)
    throw refused('staple_stale');
  return Math.min(verdict.asOf, now) + allowed;
}

function refused(
  reason: string,
  facts: { readonly [fact: string]: string | number } = {},
): AuthorityRefusal {
  return new AuthorityRefusal('subject_refused', 'The chain may not come in.', {
    facts: { reason, ...facts },
  });
}

function invalid(message: string): TaperError {
  return new TaperError('option_invalid', message);
}
