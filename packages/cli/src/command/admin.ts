import { ENDPOINTS } from '@taper/authority/http';
import { resultOf } from '../authority-client/administrator-client.ts';
import {
  type AdministratorOptions,
  administratorOptions,
  openAdministrator,
} from '../authority-client/place.ts';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { deliver } from '../document.ts';
import { chainDocument } from '../file/chain.ts';
import { readHolder } from '../file/key.ts';
import { forceOption, outOption, requiredOption, valueOption } from '../option.ts';
import { escapeText } from '../text/escape.ts';
import { formatTime } from '../text/time.ts';

interface AdminOptions extends AdministratorOptions {
  readonly key: string;
  readonly tenant?: string;
  readonly out?: string;
  readonly force?: boolean;
}

const COUNT = ENDPOINTS.filter(({ access }) => access.kind === 'administrator').length;

export const adminAdd: AnyCommand = defineCommand<AdminOptions>({
  name: 'admin add',
  summary: 'make somebody an administrator',
  description:
    `Issues a root token for the tools of the administration (there are ${COUNT}) to a key, and prints the chain file. With --tenant it is ` +
    'for what concerns this tenant alone. The chain can be handed on in part, as any, with `taper delegate`.',
  operands: [{ term: '<name>', description: 'name of the administrator, never used again' }],
  options: [
    requiredOption('--key <file>', 'public key of the administrator'),
    valueOption('--tenant <name>', 'the one tenant to administer (default: all)'),
    ...administratorOptions,
    outOption,
    forceOption,
  ],
  examples: [
    {
      line: 'taper admin add ada --key ada.pub.jwk --tenant acme --out ada.chain.json',
      does: 'Ada administers one tenant.',
    },
  ],
  async run([name], { key, tenant, out, force, ...options }, session) {
    const holder = await readHolder(key, '--key', session);
    const { client } = await openAdministrator(options, session);
    const added = resultOf(
      await client.POST('/admin/administrators', {
        body: {
          name: name as string,
          key: { ...holder.jwk },
          ...(tenant === undefined ? {} : { tenant }),
        },
      }),
    );
    return deliver(
      chainDocument(added.chain),
      `chain of the administrator ${escapeText(added.name)}, good until ${formatTime(added.expires_at)}`,
      { ...(out === undefined ? {} : { out }), ...(force === undefined ? {} : { force }) },
      session,
    );
  },
});

export const adminList: AnyCommand = defineCommand<AdministratorOptions>({
  name: 'admin list',
  summary: 'list all administrators',
  description: 'Prints name, tenant and key of each administrator that there is and was.',
  operands: [],
  options: administratorOptions,
  examples: [{ line: 'taper admin list --json', does: 'For scripts.' }],
  async run(_, options, session) {
    const { client } = await openAdministrator(options, session);
    const { administrators } = resultOf(await client.GET('/admin/administrators'));
    const lines = administrators.map(({ name, tenant, key, removed_at: end }) => {
      const state = end === undefined ? '' : `  removed ${formatTime(end)}`;
      return `${escapeText(name)}  ${tenant === undefined ? 'all tenants' : escapeText(tenant)}  ${key}${state}\n`;
    });
    return { exitCode: 0, text: lines.join(''), json: { administrators } };
  },
});

export const adminRemove: AnyCommand = defineCommand<AdministratorOptions>({
  name: 'admin remove',
  summary: 'take the right of an administrator away, for good',
  description:
    'Revokes the key, and with it all that was handed on under it. The last administrator of all tenants cannot be removed.',
  operands: [{ term: '<name>', description: 'name of the administrator' }],
  options: administratorOptions,
  examples: [{ line: 'taper admin remove ada', does: 'At once.' }],
  async run([name], options, session) {
    const { client } = await openAdministrator(options, session);
    const removed = resultOf(
      await client.DELETE('/admin/administrators/{name}', {
        params: { path: { name: name as string } },
      }),
    );
    return {
      exitCode: 0,
      text: `removed ${escapeText(removed.name)}: entry ${removed.revocation.index}\n`,
      json: removed,
    };
  },
});

export const adminRenew: AnyCommand = defineCommand<AdminOptions>({
  name: 'admin renew',
  summary: 'get a new chain before the old one ends',
  description:
    'Issues a new root token to the administrator who asks, for the same key and tools, and prints the chain file. `taper up` does it for ' +
    'the first administrator.',
  operands: [],
  options: [...administratorOptions, outOption, forceOption],
  examples: [
    {
      line: 'taper admin renew --as-key ada.jwk --as-chain ada.chain.json --out ada.chain.json --force',
      does: 'Once in a while.',
    },
  ],
  async run(_, { out, force, ...options }, session) {
    const { client } = await openAdministrator(options, session);
    const added = resultOf(await client.POST('/admin/administrators/self/renewal'));
    return deliver(
      chainDocument(added.chain),
      `chain of the administrator ${escapeText(added.name)}, good until ${formatTime(added.expires_at)}`,
      { ...(out === undefined ? {} : { out }), ...(force === undefined ? {} : { force }) },
      session,
    );
  },
});
