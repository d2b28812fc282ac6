import { resultOf } from '../authority-client/administrator-client.ts';
import {
  type AdministratorOptions,
  administratorOptions,
  openAdministrator,
} from '../authority-client/place.ts';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { requiredOption } from '../option.ts';
import { escapeText } from '../text/escape.ts';
import { formatTime } from '../text/time.ts';

interface TokenListOptions extends AdministratorOptions {
  readonly tenant: string;
  readonly agent: string;
}

export const tokenList: AnyCommand = defineCommand<TokenListOptions>({
  name: 'token list',
  summary: 'list the roots that were issued to an agent',
  description:
    'Prints hash, grant and end of each root, oldest first. `taper admin revoke --token` takes the hash.',
  operands: [],
  options: [
    requiredOption('--tenant <name>', 'tenant of the agent'),
    requiredOption('--agent <name>', 'name of the agent'),
    ...administratorOptions,
  ],
  examples: [{ line: 'taper token list --tenant acme --agent desk --json', does: 'For scripts.' }],
  async run(_, { tenant, agent, ...options }, session) {
    const { client } = await openAdministrator(options, session);
    const list = async (after: string | undefined) =>
      resultOf(
        await client.GET('/admin/tenants/{tenant}/agents/{agent}/issuances', {
          params: {
            path: { tenant, agent },
            query: { limit: '1000', ...(after === undefined ? {} : { after }) },
          },
        }),
      );
    let page = await list(undefined);
    const issuances = [...page.issuances];
    while (page.next !== undefined) {
      page = await list(page.next);
      issuances.push(...page.issuances);
    }
    return {
      exitCode: 0,
      text: issuances
        .map(
          (each) =>
            `${each.token_hash}  ${escapeText(each.grant)}  until ${formatTime(each.expires_at)}\n`,
        )
        .join(''),
      json: { issuances },
      notes: issuances.length === 0 ? ['none'] : [],
    };
  },
});
