import { stringify } from 'yaml';
import {
  type AdministratorOptions,
  administratorOptions,
  openAdministrator,
} from '../authority-client/place.ts';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { Failure } from '../failure.ts';
import { fetchGrants } from '../grant/remote.ts';
import { parseVersion } from '../grant/version.ts';
import { valueOption } from '../option.ts';
import { escapeText } from '../text/escape.ts';
import { formatTime } from '../text/time.ts';

interface GrantShowOptions extends AdministratorOptions {
  readonly at?: string;
}

export const grantShow: AnyCommand = defineCommand<GrantShowOptions>({
  name: 'grant show',
  summary: 'print the grants in force',
  description:
    'Prints the grants as YAML that `taper grant apply` takes back. With --at, those of an earlier version: applying them again is how ' +
    'a change is taken back.',
  operands: [],
  options: [
    valueOption('--at <version>', 'an earlier version (default: the one in force)'),
    ...administratorOptions,
  ],
  examples: [
    { line: 'taper grant show > grants.yaml', does: 'To start from what is in force.' },
    { line: 'taper grant show --at 6 | taper grant plan -', does: 'What going back would change.' },
  ],
  async run(_, { at, ...options }, session) {
    const wanted = parseVersion(at, '--at');
    const { client } = await openAdministrator(options, session);
    const { version, document, appliedAt, appliedBy } = await fetchGrants(client, wanted);
    if (document === undefined) {
      throw new Failure('server_refused', 'there are no such grants', {
        field: wanted === undefined ? 'grant_none' : '--at',
        hint: 'Write some, and apply them with `taper grant apply`.',
      });
    }
    const by = escapeText(appliedBy ?? 'somebody');
    return {
      exitCode: 0,
      text: stringify(document, { aliasDuplicateObjects: false, lineWidth: 0 }),
      json: { version, applied_at: appliedAt, applied_by: appliedBy, document },
      notes: [`version ${version}, applied by ${by} at ${formatTime(appliedAt ?? 0)}`],
    };
  },
});
