import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createAdministratorClient, resultOf } from '@taper/cli/administrator-client';
import { createSigner, createVerifier, type PublicJwk, type VerifiedChain } from '@taper/core';
import { systemClock } from '@taper/enforce';
import { taper } from './taper.ts';
import { type AuthorityAddress, trustOf } from './trust.ts';

// Two people. All that they do is run `taper`, but for one call of the administrative API.

/** Who runs the authority, at a terminal in its folder. */
export interface Operator {
  readonly address: AuthorityAddress;
  /** Makes a one-time token with which an agent enrols itself. */
  admit(agent: string): Promise<string>;
  /** Puts grants.yaml in force. */
  grant(names: Readonly<Record<string, string>>): Promise<void>;
  /** Revokes a root token, and so all that was derived from it. */
  end(root: VerifiedChain): Promise<void>;
}

export function createOperator(folder: string, url: string, tenant: string): Operator {
  const address = { url, anchors: readFileSync(join(folder, 'anchors.json'), 'utf8') };
  const read = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8'));
  return {
    address,
    admit: async (agent) =>
      (await taper(folder, ['agent', 'token', agent, '--tenant', tenant])).trim(),
    async grant(names) {
      const file = fileURLToPath(new URL('./grants.yaml', import.meta.url));
      let input = readFileSync(file, 'utf8');
      for (const [name, value] of Object.entries(names))
        input = input.replaceAll(`$${name}`, value);
      await taper(folder, ['grant', 'apply', '-'], { input });
    },
    async end({ leaf }) {
      // Administrators hold tokens like everybody else, and prove every call.
      const { aat_chain: tokens } = read('administrator.chain.json');
      const verifier = createVerifier({ anchors: trustOf(address).anchors, profile: {} });
      const verdict = verifier.verifyChain(tokens, systemClock.now());
      if (verdict.verdict === 'deny') throw new Error(`No administrator: ${verdict.denial.code}.`);
      const signer = createSigner(read('administrator.key.json'));
      const credential = { chain: verdict.chain, signer };
      const client = createAdministratorClient(url, credential, systemClock.now);
      resultOf(
        await client.POST('/admin/tenants/{tenant}/issuances/{token}/revoke', {
          params: { path: { tenant, token: leaf.hash } },
          body: { reason: 'task_ended' },
        }),
      );
    },
  };
}

/** Who is on call, with a key in a folder of their own. */
export interface OnCall {
  readonly key: PublicJwk;
  /** Looks at what waits there, and signs it. The answer is what was seen. */
  approve(url: string): Promise<string>;
}

export async function createOnCall(folder: string, anchors: string): Promise<OnCall> {
  mkdirSync(folder, { mode: 0o700 });
  writeFileSync(join(folder, 'anchors.json'), anchors);
  await taper(folder, ['key', 'new', '--out', 'ines.jwk', '--public-out', 'ines.pub.jwk']);
  return {
    key: JSON.parse(readFileSync(join(folder, 'ines.pub.jwk'), 'utf8')) as PublicJwk,
    async approve(url) {
      let seen = '';
      const files = ['--key', 'ines.jwk', '--anchors', 'anchors.json'];
      await taper(folder, ['approve', '--url', url, ...files, '--yes'], {
        hear(text) {
          seen += text;
        },
      });
      return seen;
    },
  };
}
