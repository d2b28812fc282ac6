import { generateKeyPairSync } from 'node:crypto';
import type { Loot } from './attacker.ts';
import { hijacked } from './hijacked.ts';
import { answerQuestions } from './processes.ts';

// Somebody who was never given anything, but has seen a chain: in a log, a backup, on the wire.

const { privateKey } = generateKeyPairSync('ed25519');
let loot: Loot | undefined;

answerQuestions({
  steal({ server, chain }: { server: string; chain: readonly string[] }): void {
    loot = { key: privateKey, chain, server };
  },
  ...hijacked(() => {
    if (loot === undefined) throw new Error('The thief has stolen nothing yet.');
    return loot;
  }),
});
