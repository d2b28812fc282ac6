import { resultOf } from '../authority-client/administrator-client.ts';
import {
  type AdministratorOptions,
  administratorOptions,
  openAdministrator,
} from '../authority-client/place.ts';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { writeFiles } from '../file/write.ts';
import { forceOption, outOption, requiredOption, valueOption } from '../option.ts';
import { showName } from '../text/escape.ts';
import { formatTime, parseDuration } from '../text/time.ts';

interface AgentTokenOptions extends AdministratorOptions {
  readonly tenant: string;
  readonly lifetime?: string;
  readonly out?: string;
  readonly force?: boolean;
}

export const agentToken: AnyCommand = defineCommand<AgentTokenOptions>({
  name: 'agent token',
  summary: 'make a one-time token with which an agent enrols itself',
  description:
    'Prints an enrolment token, or writes it to a file for its owner alone. Whoever has it first becomes that agent: hand it over as you ' +
    'would a password. It serves once.',
  operands: [{ term: '<name>', description: 'name of the agent' }],
  options: [
    requiredOption('--tenant <name>', 'tenant of the agent'),
    valueOption('--lifetime <duration>', 'how long it is good, at most 7d (default: 1h)'),
    ...administratorOptions,
    outOption,
    forceOption,
  ],
  examples: [
    {
      line: 'taper agent token desk --tenant acme --out enrolment.txt',
      does: 'For an agent on another machine.',
    },
  ],
  async run([name], options, session) {
    const lifetime =
      options.lifetime === undefined ? 3600 : parseDuration(options.lifetime, '--lifetime');
    const { client } = await openAdministrator(options, session);
    const { token, expires_at: end } = resultOf(
      await client.POST('/admin/tenants/{tenant}/enrolments', {
        params: { path: { tenant: options.tenant } },
        body: { agent: name as string, lifetime },
      }),
    );
    const { out, force } = options;
    const toFile = out !== undefined && out !== '-';
    if (toFile)
      await writeFiles([{ path: out, text: `${token}\n`, secret: true }], force === true, session);
    const note = `good until ${formatTime(end)}, once`;
    return {
      exitCode: 0,
      text: toFile ? '' : `${token}\n`,
      json: toFile ? { out, expires_at: formatTime(end) } : { token, expires_at: formatTime(end) },
      notes: [toFile ? `wrote ${showName(out)}: enrolment token, ${note}` : note],
    };
  },
});
