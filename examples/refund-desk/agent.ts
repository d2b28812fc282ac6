import { generateKeyPairSync } from 'node:crypto';
import type { Client } from '@modelcontextprotocol/client';
import {
  createSigner,
  createVerifier,
  derive,
  importPublicKey,
  type PublicJwk,
  type ToolMap,
  uuidV7,
  type VerifiedChain,
} from '@taper/core';
import { systemClock } from '@taper/enforce';
import { createPresenter, PRESENTATION_KEY } from '@taper/mcp';
import { type Call, connect, type Outcome, orRefused, type SignedCall, send } from './calls.ts';
import { hijacked } from './hijacked.ts';
import { answerQuestions } from './processes.ts';

// One agent, in a process of its own. Its private key is made here and never leaves.

export interface TaskDetail {
  /** The MCP server to work with. */
  readonly server: string;
  /** The agent's authority: tokens, root first. */
  readonly chain: readonly string[];
  readonly issuer: string;
  readonly issuerKey: PublicJwk;
}

interface Task {
  readonly server: string;
  readonly chain: VerifiedChain;
  readonly client: Client;
}

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const signer = createSigner(privateKey.export({ format: 'jwk' }));
let task: Task | undefined;
let lastSigned: SignedCall | undefined;

answerQuestions({
  key: () => publicKey.export({ format: 'jwk' }),

  /** Takes a task: checks the chain that came with it, and connects to the server. */
  async task({ server, chain, issuer, issuerKey }: TaskDetail): Promise<void> {
    const anchors = [{ issuer, key: importPublicKey(issuerKey) }];
    const verdict = createVerifier({ anchors }).verifyChain(chain, systemClock.now());
    if (verdict.verdict === 'deny')
      throw new Error(`The agent does not take this chain: ${verdict.denial.code}.`);
    await task?.client.close();
    task = { chain: verdict.chain, server, client: await connect(server) };
  },

  /** Calls a tool. With the toolkit this is `presenter.callTool(client, call)`; here it also notes what was signed. */
  call: (call: Call): Promise<Outcome> =>
    orRefused(async () => {
      const { server, client } = tasked();
      lastSigned = await sign(call, server);
      return send(client, call, lastSigned.presentation);
    }),

  /** Hands on authority to a helper of its own, with the toolkit. */
  delegate: ({ tools }: { tools: ToolMap }): Promise<Outcome> =>
    orRefused(async () => {
      const id = uuidV7(Date.now(), crypto.getRandomValues(new Uint8Array(10)));
      const holder = signer.publicKey;
      await derive(tasked().chain, { signer, holder, tools, now: systemClock.now(), id });
      return { code: 'permitted' };
    }),

  lastSigned: () => lastSigned,

  /** Signs a call for a server that somebody recommended. */
  signFor: ({ call, server }: { call: Call; server: string }) => sign(call, server),

  // What it does once somebody has talked it into working for them.
  ...hijacked(() => {
    const { chain, server, client } = tasked();
    return { key: privateKey, chain: chain.tokens.map(({ compact }) => compact), server, client };
  }),
});

async function sign({ tool, args }: Call, audience: string): Promise<SignedCall> {
  const presenter = createPresenter({ chain: tasked().chain, signer, audience });
  const meta = await presenter.metaFor(tool, args);
  return { tool, args, presentation: meta[PRESENTATION_KEY] };
}

function tasked(): Task {
  if (task === undefined) throw new Error('This agent has no task.');
  return task;
}
