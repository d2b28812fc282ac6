import { generateKeyPairSync } from 'node:crypto';
import { connect } from './calls.ts';
import { type Attacker, hijacked } from './hijacked.ts';
import { answerQuestions } from './processes.ts';

// Somebody who was never given anything, but has seen a chain: in a log, a backup, on the wire.

const { privateKey } = generateKeyPairSync('ed25519');
let attacker: Attacker | undefined;

answerQuestions({
  async steal({ server, chain }: { server: string; chain: readonly string[] }): Promise<void> {
    attacker = { key: privateKey, chain, server, client: await connect(server) };
  },
  ...hijacked(() => {
    if (attacker === undefined) throw new Error('The thief has stolen nothing yet.');
    return attacker;
  }),
});
