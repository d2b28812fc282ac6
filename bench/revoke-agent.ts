// An agent in the middle of chains: it hands on what it was given, and listens to nobody who asks. Started by soak-revocation.ts
// as a process of its own.
import { type AddressInfo, createServer } from 'node:net';
import {
  createSigner,
  createVerifier,
  derive,
  generateKeyPair,
  importPublicKey,
  type PublicJwk,
} from '@taper/core';
import { type AgentMessage, type AgentOrder, AUDIENCE, ISSUER, TOOL } from './revoke-messages.ts';

const signer = createSigner(generateKeyPair().privateJwk);
let connections = 0;

async function handOn({ chains, to, anchor }: AgentOrder): Promise<AgentMessage> {
  const anchors = [{ issuer: ISSUER, key: importPublicKey(anchor) }];
  const verifier = createVerifier({ anchors, audience: AUDIENCE, profile: {} });
  const holder = importPublicKey(to);
  const now = Math.floor(Date.now() / 1000);
  const derived: string[][] = [];
  for (const tokens of chains) {
    const verdict = verifier.verifyChain(tokens, now);
    if (verdict.verdict === 'deny') throw new Error(verdict.denial.code);
    const child = await derive(verdict.chain, {
      signer,
      holder,
      tools: { [TOOL]: {} },
      now,
      id: crypto.randomUUID(),
    });
    derived.push(child.tokens.map(({ compact }) => compact));
  }
  return { kind: 'derived', chains: derived };
}

const tell = (message: AgentMessage): void => void process.send?.(message);
const server = createServer((socket) => {
  connections += 1;
  socket.destroy();
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
process.on('disconnect', () => process.exit());
process.on('message', (order: AgentOrder | 'asked') => void answer(order));

async function answer(order: AgentOrder | 'asked'): Promise<void> {
  tell(order === 'asked' ? { kind: 'asked', connections } : await handOn(order));
}
const key = { ...signer.publicKey.jwk } as PublicJwk;
tell({ kind: 'ready', key, port: (server.address() as AddressInfo).port });
