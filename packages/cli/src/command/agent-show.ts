import { resultOf } from '../authority-client/administrator-client.ts';
import {
  type AdministratorOptions,
  administratorOptions,
  openAdministrator,
} from '../authority-client/place.ts';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { requiredOption } from '../option.ts';
import { escapeText } from '../text/escape.ts';
import { fields } from '../text/layout.ts';
import { formatTime } from '../text/time.ts';

interface AgentShowOptions extends AdministratorOptions {
  readonly tenant: string;
}

export const agentShow: AnyCommand = defineCommand<AgentShowOptions>({
  name: 'agent show',
  summary: 'show an agent with its keys',
  description: 'Shows an agent, its state, and all keys that it has and had.',
  operands: [{ term: '<name>', description: 'name of the agent' }],
  options: [requiredOption('--tenant <name>', 'tenant of the agent'), ...administratorOptions],
  examples: [{ line: 'taper agent show desk --tenant acme', does: 'Its state and its keys.' }],
  async run([name], { tenant, ...options }, session) {
    const { client } = await openAdministrator(options, session);
    const agent = resultOf(
      await client.GET('/admin/tenants/{tenant}/agents/{agent}', {
        params: { path: { tenant, agent: name as string } },
      }),
    );
    const keys = agent.keys.map(({ key, state, ends_at: end }): readonly [string, string] => [
      'key',
      `${key} ${state}${end === undefined ? '' : ` until ${formatTime(end)}`}`,
    ]);
    return {
      exitCode: 0,
      text: `${escapeText(agent.spiffe_id)}\n${fields([
        ['state', agent.state],
        ['enrolled', formatTime(agent.created_at)],
        ...keys,
      ])}\n`,
      json: agent,
    };
  },
});
