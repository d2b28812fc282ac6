import { platform } from '#crypto';
import type { AuditEvent } from '../audit-event/event.ts';
import { hashSigningInput } from '../jws.ts';
import type { Findings } from './problem.ts';

const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** The tokens of a bundle by hash, and which of them a chain made use of. */
export interface EvidenceTokens {
  /** The compact serializations of a chain, root first; `undefined` unless all of them are there. */
  chain(hashes: readonly string[]): readonly string[] | undefined;
  /** Says of every token that was on no whole chain that it does not belong there. */
  reportUnused(): void;
}

export function indexTokens(tokens: readonly string[], findings: Findings): EvidenceTokens {
  const byHash = new Map<string, { readonly compact: string; readonly position: number }>();
  for (const [position, compact] of tokens.entries()) {
    const hash = hashToken(compact);
    if (hash === undefined) findings.add('token_malformed', `tokens[${position}]`);
    else if (byHash.has(hash)) findings.add('token_repeated', `tokens[${position}]`);
    else byHash.set(hash, { compact, position });
  }
  const used = new Set<string>();
  return {
    chain(hashes) {
      const compacts: string[] = [];
      for (const hash of hashes) {
        const token = byHash.get(hash);
        if (token === undefined) return undefined;
        compacts.push(token.compact);
      }
      for (const hash of hashes) used.add(hash);
      return compacts;
    },
    reportUnused() {
      for (const [hash, { position }] of byHash)
        if (!used.has(hash)) findings.add('token_unused', `tokens[${position}]`);
    },
  };
}

/** base64url SHA-256 of the signing input of a token; `undefined` for what has not its form. Nothing is verified. */
export function hashToken(compact: string): string | undefined {
  if (!COMPACT.test(compact)) return undefined;
  return hashSigningInput(platform.asciiBytes(compact.slice(0, compact.lastIndexOf('.'))));
}

/** A chain as an event describes it. */
export interface NamedChain {
  /** `iss` of the root, and the thumbprints of the holders. */
  readonly delegation: readonly string[];
  readonly tokens: readonly string[];
}

/** The chains that an event names as those of its caller, in order. */
export function chainsOf(event: AuditEvent): readonly NamedChain[] {
  const { delegation_chain: delegation, token_hashes: tokens } = event;
  if (delegation === undefined || tokens === undefined) return [];
  const joined = event.joined_chains ?? [];
  return [
    { delegation, tokens },
    ...joined.map((each) => ({ delegation: each.delegation_chain, tokens: each.token_hashes })),
  ];
}

/** The chain of a denial that names nobody. */
export function presentedChain({ presented_chain: chain }: AuditEvent): NamedChain | undefined {
  return chain === undefined
    ? undefined
    : { delegation: chain.delegation_chain, tokens: chain.token_hashes };
}
