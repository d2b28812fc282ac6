import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PublicJwk } from '@taper/core';
import { answerQuestions } from './processes.ts';
import { taper, taperDoes } from './taper.ts';
import type { AuthorityAddress } from './trust.ts';

// A person of finance, at a machine of her own. All that she does is run `taper`, as in a terminal: once to make her key,
// and once for what she is asked to approve.

export interface OpenDesk {
  /** Her own folder; made here, for her alone. */
  readonly folder: string;
  readonly authority: AuthorityAddress;
}

export interface ApprovalDetail {
  /** Where the action waits. */
  readonly url: string;
  /** Her names for keys, by thumbprint. */
  readonly names: readonly (readonly [string, string])[];
}

let folder: string | undefined;

answerQuestions({
  /** Makes her key, and keeps those of the authority, which she trusts. Her public key is the answer. */
  async open({ folder: own, authority }: OpenDesk): Promise<PublicJwk> {
    mkdirSync(own, { mode: 0o700 });
    folder = own;
    writeFileSync(join(own, 'anchors.json'), authority.anchors);
    await taperDoes(own, ['key', 'new', '--out', 'nora.jwk', '--public-out', 'nora.pub.jwk']);
    return JSON.parse(readFileSync(join(own, 'nora.pub.jwk'), 'utf8')) as PublicJwk;
  },

  /** Looks at the action and approves it. The answer is what she has seen. It is shown, too, when she says yes beforehand. */
  async approve({ url, names }: ApprovalDetail): Promise<string> {
    if (folder === undefined) throw new Error('Nora has no desk yet.');
    writeFileSync(join(folder, 'names.json'), JSON.stringify(Object.fromEntries(names)));
    const files = ['--key', 'nora.jwk', '--anchors', 'anchors.json', '--names', 'names.json'];
    const { exitCode, said } = await taper(folder, ['approve', '--url', url, ...files, '--yes']);
    if (exitCode !== 0) throw new Error(`taper approve failed:\n${said}`);
    return said;
  },
});
