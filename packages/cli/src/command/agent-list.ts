import { resultOf } from '../authority-client/administrator-client.ts';
import {
  type AdministratorOptions,
  administratorOptions,
  openAdministrator,
} from '../authority-client/place.ts';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { choiceOption, requiredOption } from '../option.ts';
import { escapeText } from '../text/escape.ts';

interface AgentListOptions extends AdministratorOptions {
  readonly tenant: string;
  readonly state?: 'active' | 'suspended' | 'retired';
}

export const agentList: AnyCommand = defineCommand<AgentListOptions>({
  name: 'agent list',
  summary: 'list the agents of a tenant',
  description:
    'Prints state and SPIFFE ID of each agent, in the order in which they were enrolled.',
  operands: [],
  options: [
    requiredOption('--tenant <name>', 'tenant'),
    choiceOption('--state <state>', 'only those', ['active', 'suspended', 'retired']),
    ...administratorOptions,
  ],
  examples: [{ line: 'taper agent list --tenant acme --json', does: 'For scripts.' }],
  async run(_, { tenant, state, ...options }, session) {
    const { client } = await openAdministrator(options, session);
    const agents: { readonly state: string; readonly spiffe_id: string }[] = [];
    for (let after: string | undefined; ; ) {
      const page = resultOf(
        await client.GET('/admin/tenants/{tenant}/agents', {
          params: {
            path: { tenant },
            query: {
              limit: '1000',
              ...(state === undefined ? {} : { state }),
              ...(after === undefined ? {} : { after }),
            },
          },
        }),
      );
      agents.push(...page.agents);
      after = page.next;
      if (after === undefined) break;
    }
    return {
      exitCode: 0,
      text: agents
        .map((each) => `${each.state.padEnd(9)}  ${escapeText(each.spiffe_id)}\n`)
        .join(''),
      json: { agents },
      notes: agents.length === 0 ? ['none'] : [],
    };
  },
});
