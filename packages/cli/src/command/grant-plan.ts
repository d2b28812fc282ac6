import { type GrantSet, planGrants } from '@taper/authority';
import {
  type AdministratorOptions,
  administratorOptions,
  openAdministrator,
} from '../authority-client/place.ts';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { readGrants } from '../file/grants.ts';
import { fetchGrants } from '../grant/remote.ts';
import {
  failOnWideningOption,
  reportPlan,
  type WideningOptions,
  wideningProblem,
} from '../grant/verdict.ts';
import { valueOption } from '../option.ts';
import type { Session } from '../session.ts';
import { planText } from '../text/grants.ts';
import { paintFor } from '../text/layout.ts';

interface GrantPlanOptions extends AdministratorOptions, WideningOptions {
  readonly against?: string;
}

export const grantPlan: AnyCommand = defineCommand<GrantPlanOptions>({
  name: 'grant plan',
  summary: 'show what applying grants would change in authority',
  description:
    'Compares a file of grants with those in force by what they allow, and not by how they are written. Every difference has a sign and ' +
    'a word: + widened, - narrowed, ! may widen (the two cannot be compared), = reworded. Changes nothing.\n\n' +
    'With --against it compares two files, and asks no authority.',
  operands: [{ term: '<file>', description: 'grants in YAML or JSON; - for standard input' }],
  options: [
    valueOption('--against <file>', 'compare with this file instead of the grants in force'),
    failOnWideningOption,
    ...administratorOptions,
  ],
  examples: [
    { line: 'taper grant plan grants.yaml', does: 'In the folder of the authority.' },
    {
      line: 'taper grant plan grants.yaml --against main.yaml --fail-on-widening',
      does: 'In a pull request, without an authority.',
    },
  ],
  async run([file], options, session) {
    const { set } = await readGrants(file as string, session);
    const { version, before } = await grantsBefore(options, session);
    const plan = planGrants(before, set);
    const { io } = session;
    const problem = wideningProblem(plan, options);
    return {
      exitCode: problem === undefined ? 0 : 1,
      text: planText(plan, paintFor(io.stdout.isTerminal, io.env)),
      json: reportPlan(version, plan),
      notes:
        options.against === undefined
          ? [`planned against version ${version}: apply with --expected ${version}`]
          : [],
      ...(problem === undefined ? {} : { problem }),
    };
  },
});

async function grantsBefore(
  { against, ...options }: GrantPlanOptions,
  session: Session,
): Promise<{ readonly version: number; readonly before: GrantSet | undefined }> {
  if (against !== undefined) {
    const { set } = await readGrants(against, session);
    return { version: 0, before: set };
  }
  const { client } = await openAdministrator(options, session);
  const { version, set } = await fetchGrants(client);
  return { version, before: set };
}
