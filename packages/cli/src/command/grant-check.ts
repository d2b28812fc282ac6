import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { readGrants } from '../file/grants.ts';

export const grantCheck: AnyCommand = defineCommand<object>({
  name: 'grant check',
  summary: 'check a file of grants, without an authority',
  description:
    'Reads grants from YAML or JSON as an authority would, and says where they are malformed. Asks nobody: whether agents and groups ' +
    'of approvers exist is not looked at.',
  operands: [{ term: '<file>', description: 'grants; - for standard input' }],
  options: [],
  examples: [{ line: 'taper grant check grants.yaml', does: 'For example in a pull request.' }],
  async run([file], _, session) {
    const { set, source } = await readGrants(file as string, session);
    const tenants = new Set(set.grants.map(({ tenant }) => tenant));
    const agents = new Set(
      set.grants.flatMap(({ tenant, agents: names }) => names.map((name) => `${tenant}/${name}`)),
    );
    const counts = { grants: set.grants.length, tenants: tenants.size, agents: agents.size };
    const [grants, ofTenants, ofAgents] = [
      plural(counts.grants, 'grant'),
      plural(counts.tenants, 'tenant'),
      plural(counts.agents, 'agent'),
    ];
    return {
      exitCode: 0,
      text: `${source}: ${grants} for ${ofAgents} of ${ofTenants}, well-formed\n`,
      json: { ...counts, well_formed: true },
    };
  },
});

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
