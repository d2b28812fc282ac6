import {
  type AuthorityDelegationV1,
  computeAuthorityDelegationId,
  generateKeyPair,
  parseAuthorityDelegationJson,
  signAuthorityDelegation,
  verifyAuthorityDelegationChain,
} from 'agent-passport-system';
import type { Peer } from './peer.ts';
import { NOW, received } from './scene.ts';

type Body = Omit<AuthorityDelegationV1, 'delegation_id' | 'signature'>;

function instant(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

/** What it can say of a refund: scopes, and a spending limit that each hop lowers. */
function bodyOf(hop: number, hops: number, names: readonly string[], parent: string | null): Body {
  return {
    record_type: 'aps:authority-delegation:v1',
    version: '1.0',
    parent_delegation_id: parent,
    issuer: names[hop] ?? '',
    subject: names[hop + 1] ?? '',
    verification_method: `${names[hop]}#key-1`,
    issued_at: instant(NOW),
    nonce: hop.toString(16).padStart(32, '0'),
    authority: {
      scope: { profile: 'aps-hierarchical-v1', grants: ['orders:read', 'refund:create'] },
      spend: {
        mode: 'bounded',
        unit: 'iso4217:EUR:minor',
        per_action: String(25_000 - 100 * hop),
        cumulative: '100000',
      },
      depth: { remaining: hops - 1 - hop },
      time: { not_before: instant(NOW), not_after: instant(NOW + 3600) },
      reputation: { profile: 'aps-score-0-100-v1', ceiling: 80 },
      values: { profile: 'aps-values-identifiers-v1', required: [] },
      reversibility: { profile: 'aps-tci-v1', ceiling: 'compensable' },
    },
  };
}

/** Its newest chain of delegations, `verifyAuthorityDelegationChain`, from JSON text. */
export const passport: Peer = {
  name: 'agent-passport',
  checks: "the shape of each record, its identifier, scopes and limits against the parent's",
  leavesOut:
    'proof by the holder, the call itself: tool, arguments and amount are checked elsewhere',
  async makeChain(hops) {
    const keys = Array.from({ length: hops }, () => generateKeyPair());
    const names = Array.from({ length: hops + 1 }, (_, index) => `did:aps:agent-${index}`);
    const texts: string[] = [];
    let parent: string | null = null;
    for (const [hop, { privateKey }] of keys.entries()) {
      const body = bodyOf(hop, hops, names, parent);
      const unsigned = { ...body, delegation_id: computeAuthorityDelegationId(body) };
      const record = { ...unsigned, signature: signAuthorityDelegation(unsigned, privateKey) };
      parent = record.delegation_id;
      texts.push(JSON.stringify(record));
    }
    const publicKeys = new Map(keys.map(({ publicKey }, hop) => [names[hop], publicKey]));
    const verify = (): void => {
      const { failures, valid } = verifyAuthorityDelegationChain(
        texts.map((text) => parseAuthorityDelegationJson(received(text))),
        {
          now: instant(NOW),
          resolveVerificationKey: (issuer) => publicKeys.get(issuer) ?? null,
          trustRoot: ({ issuer }) => issuer === names[0],
          resolveRevocation: () => 'active',
        },
      );
      if (!valid) throw new Error(failures.map(({ message }) => message).join('; '));
    };
    const size = texts.reduce((sum, { length }) => sum + length, 0);
    return { size, signatures: hops, verify };
  },
};
