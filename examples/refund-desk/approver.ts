import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PublicJwk } from '@taper/core';
import { answerQuestions } from './processes.ts';
import { taper } from './taper.ts';

// A person of finance, at a machine of her own. All that she does is run `taper`, as in a terminal: once to make her key,
// and once for what she is asked to approve.

export interface OpenDesk {
  /** Her own folder; made here, for her alone. */
  readonly folder: string;
  readonly issuer: string;
  readonly issuerKey: PublicJwk;
}

export interface ApprovalDetail {
  /** Where the action waits. */
  readonly url: string;
  /** Her names for keys, by thumbprint. */
  readonly names: readonly (readonly [string, string])[];
}

let folder: string | undefined;

answerQuestions({
  /** Makes her key, and keeps the issuer's, which she trusts. Her public key is the answer. */
  async open({ folder: own, issuer, issuerKey }: OpenDesk): Promise<PublicJwk> {
    mkdirSync(own, { mode: 0o700 });
    folder = own;
    writeFileSync(join(own, 'anchors.json'), JSON.stringify([{ iss: issuer, jwk: issuerKey }]));
    await inFolder('key', 'new', '--out', 'nora.jwk', '--public-out', 'nora.pub.jwk');
    return JSON.parse(readFileSync(join(own, 'nora.pub.jwk'), 'utf8')) as PublicJwk;
  },

  /** Looks at the action and approves it. The answer is what she has seen. It is shown, too, when she says yes beforehand. */
  async approve({ url, names }: ApprovalDetail): Promise<string> {
    writeFileSync(join(folder ?? '', 'names.json'), JSON.stringify(Object.fromEntries(names)));
    const files = ['--key', 'nora.jwk', '--anchors', 'anchors.json', '--names', 'names.json'];
    return inFolder('approve', '--url', url, ...files, '--yes');
  },
});

/** @returns what the command says to her. */
async function inFolder(...words: readonly string[]): Promise<string> {
  const { exitCode, said } = await taper(folder ?? '', words);
  if (exitCode !== 0) throw new Error(`taper ${words[0]} failed:\n${said}`);
  return said;
}
