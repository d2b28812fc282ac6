import { resultOf } from '../authority-client/administrator-client.ts';
import {
  type AdministratorOptions,
  administratorOptions,
  openAdministrator,
} from '../authority-client/place.ts';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { requiredOption } from '../option.ts';
import { escapeText } from '../text/escape.ts';

interface PeerOptions extends AdministratorOptions {
  readonly tenant: string;
  readonly reason: string;
}

const OPERANDS = [{ term: '<spiffe-id>', description: 'SPIFFE ID of the agent' }] as const;
const TENANT = requiredOption('--tenant <name>', 'tenant whose list it is');

function put(verb: 'allow' | 'block', summary: string, description: string): AnyCommand {
  return defineCommand<PeerOptions>({
    name: `peer ${verb}`,
    summary,
    description,
    operands: OPERANDS,
    options: [
      TENANT,
      requiredOption('--reason <text>', 'why, for who reads the list later'),
      ...administratorOptions,
    ],
    examples: [
      {
        line: `taper peer ${verb} spiffe://example.org/globex/agent/eve --tenant acme --reason ${verb === 'allow' ? 'partner' : 'spam'}`,
        does: 'Enforcement points know as soon as of a revocation.',
      },
    ],
    async run([agent], { tenant, reason, ...options }, session) {
      const { client } = await openAdministrator(options, session);
      const rule = resultOf(
        await client.POST(`/admin/tenants/{tenant}/peers/${verb}`, {
          params: { path: { tenant } },
          body: { agent: agent as string, reason },
        }),
      );
      const done = verb === 'allow' ? 'allowed' : 'blocked';
      return { exitCode: 0, text: `${done} ${escapeText(rule.agent)}\n`, json: rule };
    },
  });
}

export const peerAllow: AnyCommand = put(
  'allow',
  'put an agent on the allow list of a tenant',
  'Enforcement points that let only allowed agents call let this one. It is not blocked any more.',
);

export const peerBlock: AnyCommand = put(
  'block',
  'block an agent for a tenant',
  'Enforcement points of the tenant that know agents refuse every call under a chain with this agent on it. It is not allowed any more.',
);

export const peerRemove: AnyCommand = defineCommand<Omit<PeerOptions, 'reason'>>({
  name: 'peer remove',
  summary: 'take an agent off the list of a tenant',
  description: 'It is neither allowed nor blocked any more.',
  operands: OPERANDS,
  options: [TENANT, ...administratorOptions],
  examples: [
    {
      line: 'taper peer remove spiffe://example.org/globex/agent/eve --tenant acme',
      does: 'As if nothing had ever been said of it.',
    },
  ],
  async run([agent], { tenant, ...options }, session) {
    const { client } = await openAdministrator(options, session);
    const removed = resultOf(
      await client.POST('/admin/tenants/{tenant}/peers/remove', {
        params: { path: { tenant } },
        body: { agent: agent as string },
      }),
    );
    return { exitCode: 0, text: `removed ${escapeText(removed.agent)}\n`, json: removed };
  },
});

export const peerList: AnyCommand = defineCommand<Omit<PeerOptions, 'reason'>>({
  name: 'peer list',
  summary: 'list the agents that a tenant allows or blocks',
  description: 'Prints what is said of each agent, and why.',
  operands: [],
  options: [TENANT, ...administratorOptions],
  examples: [{ line: 'taper peer list --tenant acme --json', does: 'For scripts.' }],
  async run(_, { tenant, ...options }, session) {
    const { client } = await openAdministrator(options, session);
    const { peers } = resultOf(
      await client.GET('/admin/tenants/{tenant}/peers', { params: { path: { tenant } } }),
    );
    return {
      exitCode: 0,
      text: peers
        .map((each) => `${each.rule}  ${escapeText(each.agent)}  ${escapeText(each.reason)}\n`)
        .join(''),
      json: { peers },
      notes: peers.length === 0 ? ['none'] : [],
    };
  },
});
