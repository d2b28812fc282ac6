import { generateKeyPairSync } from 'node:crypto';
import { createSigner } from '@taper/core';
import type { Loot } from './attacker.ts';
import { hijacked } from './hijacked.ts';
import { createMembership, orRefusedThere } from './membership.ts';
import { answerQuestions } from './processes.ts';
import type { AuthorityAddress } from './trust.ts';

// Somebody who was never given anything, but has seen a chain: in a log, a backup, on the wire.

const { privateKey } = generateKeyPairSync('ed25519');
let loot: Loot | undefined;

answerQuestions({
  steal({ server, chain }: { server: string; chain: readonly string[] }): void {
    loot = { key: privateKey, chain, server };
  },
  /** Asks the authority for a root token with an ID token of somebody else. */
  exchange: ({ authority, idToken }: { authority: AuthorityAddress; idToken: string }) =>
    orRefusedThere(() =>
      createMembership(authority, createSigner(privateKey.export({ format: 'jwk' }))).exchange(
        idToken,
      ),
    ),
  ...hijacked(() => {
    if (loot === undefined) throw new Error('The thief has stolen nothing yet.');
    return loot;
  }),
});
