import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { UpDetail } from './authority.ts';
import type { Worker } from './processes.ts';
import { taperDoes } from './taper.ts';
import type { AuthorityAddress } from './trust.ts';

// Who runs the authority. All that they do is run `taper`, as in a terminal beside the authority's folder, and edit two files.

export interface Operator {
  readonly address: AuthorityAddress;
  /** Where the log of the authority is served, and the file that says what it is believed by. */
  readonly log: string;
  readonly logFile: string;
  /** Makes a one-time token with which an agent enrols itself. */
  admit(agent: string, tenant: string): Promise<string>;
  /** Puts grants.yaml in force. */
  grant(names: Readonly<Record<string, string>>): Promise<void>;
  /** Says that the key of an agent is in wrong hands, and so revokes it. */
  compromised(agent: string, tenant: string): Promise<void>;
}

/** Starts the authority in a new folder, and again when it has been told whose users it is to believe. */
export async function openAuthority(
  worker: Worker,
  folder: string,
  login: string,
): Promise<Operator> {
  const url = await worker.ask<string>('up', {
    folder,
    options: ['--port', '0'],
  } satisfies UpDetail);
  await worker.ask('down');
  await trustLogin(join(folder, 'taper.json'), login, url);
  await worker.ask('up', { folder, options: [] } satisfies UpDetail);
  const as = ['--dir', folder];
  return {
    address: { url, anchors: readFileSync(join(folder, 'anchors.json'), 'utf8') },
    log: `${url}/log`,
    logFile: join(folder, 'log.json'),
    admit: async (agent, tenant) =>
      (await taperDoes(folder, ['agent', 'token', agent, '--tenant', tenant, ...as])).trim(),
    async grant(names) {
      const given = readFileSync(fileURLToPath(new URL('./grants.yaml', import.meta.url)), 'utf8');
      // The longest first: $LOGIN is not $LOG.
      const byLength = Object.entries(names).sort(([a], [b]) => b.length - a.length);
      const filled = byLength.reduce(
        (text, [name, value]) => text.replaceAll(`$${name}`, value),
        given,
      );
      await taperDoes(folder, ['grant', 'apply', '-', ...as], { input: filled });
    },
    async compromised(agent, tenant) {
      await taperDoes(folder, ['agent', 'compromise', agent, '--tenant', tenant, ...as]);
    },
  };
}

/** Writes into the configuration that ID tokens of the login count, when they are made for this authority. */
async function trustLogin(file: string, login: string, authority: string): Promise<void> {
  const config = JSON.parse(readFileSync(file, 'utf8')) as { trusted_issuers: object[] };
  const response = await fetch(`${login}/jwks`);
  config.trusted_issuers.push({
    use: 'subject',
    issuer: login,
    audience: authority,
    algorithms: ['ES256'],
    jwks: await response.json(),
  });
  writeFileSync(file, JSON.stringify(config, null, 2));
}
