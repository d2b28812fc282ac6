import { planGrants } from '@taper/authority';
import {
  type AdministratorOptions,
  administratorOptions,
  openAdministrator,
} from '../authority-client/place.ts';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { Failure } from '../failure.ts';
import { readGrants } from '../file/grants.ts';
import { applyGrants, fetchGrants } from '../grant/remote.ts';
import {
  failOnWideningOption,
  reportPlan,
  type WideningOptions,
  wideningProblem,
} from '../grant/verdict.ts';
import { parseVersion } from '../grant/version.ts';
import { valueOption } from '../option.ts';
import { planText } from '../text/grants.ts';
import { paintFor } from '../text/layout.ts';

interface GrantApplyOptions extends AdministratorOptions, WideningOptions {
  readonly expected?: string;
}

export const grantApply: AnyCommand = defineCommand<GrantApplyOptions>({
  name: 'grant apply',
  summary: 'put grants in force, whole or not at all',
  description:
    'Makes a file of grants the grants of the authority, in place of all that were in force. Shows the plan that it carries out. ' +
    'With --expected it applies only what was planned: when somebody applied others since, nothing is changed.\n\n' +
    'Roots that were issued before go on until they expire. To end them at once, revoke them.',
  operands: [{ term: '<file>', description: 'grants in YAML or JSON; - for standard input' }],
  options: [
    valueOption(
      '--expected <version>',
      'version that the plan was made against (default: the one in force)',
    ),
    failOnWideningOption,
    ...administratorOptions,
  ],
  examples: [
    { line: 'taper grant apply grants.yaml --expected 7', does: 'What `taper grant plan` showed.' },
    {
      line: 'taper grant apply grants.yaml --fail-on-widening',
      does: 'Without a person, where only narrowing is expected.',
    },
  ],
  async run([file], { expected, ...options }, session) {
    const { set } = await readGrants(file as string, session);
    const version = parseVersion(expected, '--expected');
    const { client } = await openAdministrator(options, session);
    const current = await fetchGrants(client);
    const plan = planGrants(current.set, set);
    const { io } = session;
    const text = planText(plan, paintFor(io.stdout.isTerminal, io.env));
    if (version !== undefined && version !== current.version) {
      throw new Failure('server_refused', `version ${current.version} is in force`, {
        field: 'grant_conflict',
        hint: 'Plan again, look at it, and apply with the version of the new plan. Nothing was changed.',
      });
    }
    const problem = wideningProblem(plan, options);
    if (problem !== undefined) {
      return {
        exitCode: 1,
        text,
        json: { ...reportPlan(current.version, plan), applied: false },
        problem,
      };
    }
    const applied = await applyGrants(client, set, current.version);
    return {
      exitCode: 0,
      text,
      json: { ...reportPlan(applied, plan), applied: true },
      notes: [`version ${applied} is in force`],
    };
  },
});
