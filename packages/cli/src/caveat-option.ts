import { type CaveatsInit, definitionHash, type ToolMap } from '@taper/core';
import type { Option } from 'commander';
import { Failure } from './failure.ts';
import { readDefinitions } from './file/definition.ts';
import { isObject, parseJsonInput } from './file/json.ts';
import { readInline } from './file/read.ts';
import { listOption, valueOption } from './option.ts';
import type { Session } from './session.ts';
import { quoteText, showName } from './text/escape.ts';

/** What a token asks beyond its tools, as options of the commands that make one. */
export interface CaveatOptions {
  readonly caveats?: string;
  readonly tenant?: string;
  readonly purpose?: string;
  readonly budget?: readonly string[];
  readonly approval?: readonly string[];
  readonly pin?: string;
}

export const caveatOptions: readonly Option[] = [
  valueOption('--tenant <name>', 'only enforcement points of that tenant'),
  valueOption('--purpose <text>', 'the task that the token is for'),
  listOption(
    '--budget <meter=limit>',
    'most that all calls together may take, such as calls=10 or EUR=99.50; may be repeated',
  ),
  listOption(
    '--approval <tool=group:count>',
    'each call of the tool needs that many approvers of the group; may be repeated',
  ),
  valueOption(
    '--pin <json|@file|->',
    'definitions of tools, as tools/list shows them: a granted tool that changes is refused',
  ),
  valueOption('--caveats <json|@file|->', 'caveats as they stand in the token, spec/profile.md'),
];

/**
 * The caveats that the options ask for; `undefined` where none is given, for a token of plain AAT. Whether they are well-formed
 * is for core to say.
 * @throws {Failure} `usage` for a member that is given twice; `definition_malformed`, `json_invalid`, and as `readInput`.
 */
export async function readCaveats(
  options: CaveatOptions,
  tools: ToolMap,
  session: Session,
): Promise<CaveatsInit | undefined> {
  const { tenant, purpose, budget, approval, pin } = options;
  const given: Partial<Record<keyof CaveatsInit, unknown>> = {
    ...(tenant === undefined ? {} : { tenant }),
    ...(purpose === undefined ? {} : { purpose }),
    ...(budget === undefined ? {} : { budget: budgetOf(budget) }),
    ...(approval === undefined ? {} : { approvals: approvalsOf(approval) }),
    ...(pin === undefined ? {} : { definitions: await pinsOf(pin, tools, session) }),
  };
  if (options.caveats === undefined)
    return Object.keys(given).length === 0 ? undefined : (given as CaveatsInit);
  const whole = parseJsonInput(await readInline(options.caveats, '--caveats', session));
  // Core refuses what is no object, and says so as verification would.
  if (!isObject(whole)) return whole as unknown as CaveatsInit;
  for (const member of Object.keys(given)) {
    if (!Object.hasOwn(whole, member)) continue;
    throw new Failure('usage', `--caveats has ${member}, and another option gives it, too`, {
      field: '--caveats',
      hint: 'Give it once, so that it is plain which one counts.',
    });
  }
  return { ...whole, ...given } as CaveatsInit;
}

function budgetOf(budget: readonly string[]): Record<string, string> {
  const limits = new Map<string, string>();
  for (const text of budget) {
    const at = text.indexOf('=');
    const meter = text.slice(0, at);
    if (at < 1 || at === text.length - 1)
      throw malformed('--budget', text, 'Write a meter and its limit, such as calls=10.');
    if (limits.has(meter)) throw twice('--budget', meter);
    limits.set(meter, text.slice(at + 1));
  }
  return Object.fromEntries(limits);
}

/** The name of a tool may hold anything, such as `=` in a URL; that of a group ends at the last colon. */
function approvalsOf(approval: readonly string[]): Record<string, Record<string, number>> {
  const tools = new Map<string, Map<string, number>>();
  for (const text of approval) {
    const [, tool, group, count] = /^(.+)=([^=]+):([0-9]{1,3})$/s.exec(text) ?? [];
    if (tool === undefined || group === undefined || count === undefined)
      throw malformed('--approval', text, 'Write tool, group and count, such as refund=finance:1.');
    const groups = tools.get(tool) ?? new Map<string, number>();
    if (groups.has(group)) throw twice('--approval', `${tool}=${group}`);
    tools.set(tool, groups.set(group, Number(count)));
  }
  return Object.fromEntries([...tools].map(([tool, groups]) => [tool, Object.fromEntries(groups)]));
}

async function pinsOf(
  pin: string,
  tools: ToolMap,
  session: Session,
): Promise<Record<string, string>> {
  const definitions = await readDefinitions(pin, '--pin', session);
  const pins = new Map<string, string>();
  for (const definition of definitions) {
    const { name } = definition;
    if (!Object.hasOwn(tools, name)) continue;
    if (pins.has(name)) throw twice('--pin', name);
    pins.set(name, definitionHash(definition));
  }
  const missing = Object.keys(tools).find((tool) => !pins.has(tool));
  if (missing === undefined) return Object.fromEntries(pins);
  throw new Failure(
    'definition_malformed',
    `--pin does not define the tool ${quoteText(missing)}`,
    {
      field: '--pin',
      hint: 'Give the definition of every tool that is granted: all of them are pinned, or none.',
    },
  );
}

function malformed(option: string, text: string, hint: string): Failure {
  return new Failure('usage', `${option} cannot be ${showName(text)}`, { field: option, hint });
}

function twice(option: string, what: string): Failure {
  return new Failure('usage', `${option} gives ${quoteText(what)} twice`, {
    field: option,
    hint: 'Give it once, so that it is plain which one counts.',
  });
}
