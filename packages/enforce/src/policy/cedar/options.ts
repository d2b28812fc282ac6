import { type JsonObject, TaperError } from '@taper/core';
import type { PolicyInput } from '../../port/policy-engine.ts';
import type { NamedText } from './policies.ts';
import type { CedarEntityName, CedarMapping } from './request.ts';

export interface CedarEngineOptions {
  /** The policies, in Cedar's language. Templates are refused. */
  readonly policies: string | readonly NamedText[];
  /** The actions, one for each tool, and entity types of your own, in Cedar's schema language. `CEDAR_BASE_SCHEMA` is added to it. */
  readonly schema: string | NamedText;
  /** Who has which role, and what else policies look at: Cedar's JSON format. Default: none. */
  readonly entities?: string | NamedText;
  /** Names the policy set in audit events. Default `cedar`. */
  readonly id?: string;
  /** Default: base64url SHA-256 of policies, schema and entities. */
  readonly version?: string;
  /** Type of the entities that stand for tools. Default `Action`: the schema's actions lie in no namespace. */
  readonly actionType?: string;
  /** Hand the adapter's attributes to policies, as `context.attributes`, which every action must declare then. Default false. */
  readonly attributes?: boolean;
  /** The arguments that policies see. Leave out only what no policy should judge. Default: all. */
  readonly arguments?: (input: PolicyInput) => JsonObject;
  /** The resource's entity. Default: a `Taper::Resource` with the adapter's name for it. */
  readonly resource?: (input: PolicyInput) => CedarEntityName;
}

/** The options, complete and checked. */
export interface CedarSettings {
  readonly sources: readonly NamedText[];
  readonly schema: NamedText;
  readonly entities: NamedText | undefined;
  readonly id: string;
  readonly version: string | undefined;
  readonly mapping: CedarMapping;
}

const OPTIONS: ReadonlySet<string> = new Set<keyof CedarEngineOptions>([
  'policies',
  'schema',
  'entities',
  'id',
  'version',
  'actionType',
  'attributes',
  'arguments',
  'resource',
]);

/**
 * Checks the options of a Cedar engine. An unknown one is refused: with `entites` for `entities`, nobody would have a role, and
 * whatever forbids by role would forbid nothing.
 *
 * @throws {TaperError} `option_invalid`.
 */
export function readCedarOptions(options: CedarEngineOptions): CedarSettings {
  const unknown = Object.keys(options).find((name) => !OPTIONS.has(name));
  if (unknown !== undefined) throw invalid(`There is no option ${JSON.stringify(unknown)}.`);
  const { policies, entities, attributes = false } = options;
  if (typeof attributes !== 'boolean') throw invalid('`attributes` must be true or false.');
  const argumentsOf = options.arguments ?? ((input: PolicyInput) => input.arguments);
  const resourceOf =
    options.resource ??
    (({ resource }: PolicyInput) => ({ type: 'Taper::Resource', id: resource }));
  if (typeof argumentsOf !== 'function' || typeof resourceOf !== 'function')
    throw invalid('`arguments` and `resource` must be functions.');
  return {
    sources: Array.isArray(policies)
      ? policies.map((source) => readNamed(source, 'policies'))
      : [readSource(policies as string, 'policies')],
    schema: readSource(options.schema, 'schema'),
    entities: entities === undefined ? undefined : readSource(entities, 'entities'),
    id: readName(options.id ?? 'cedar', 'id'),
    version: options.version === undefined ? undefined : readName(options.version, 'version'),
    mapping: {
      actionType: readName(options.actionType ?? 'Action', 'actionType'),
      attributes,
      argumentsOf,
      resourceOf,
    },
  };
}

function readSource(source: unknown, usualName: string): NamedText {
  if (typeof source === 'string') return { name: usualName, text: source };
  return readNamed(source, usualName);
}

function readNamed(source: unknown, option: string): NamedText {
  const { name, text } = (source ?? {}) as Partial<NamedText>;
  if (typeof name === 'string' && name !== '' && typeof text === 'string') return { name, text };
  throw invalid(`\`${option}\` must be text, or texts with a name.`);
}

function readName(value: unknown, option: string): string {
  if (typeof value === 'string' && /^[^\p{C}\p{Zl}\p{Zp}]{1,256}$/u.test(value)) return value;
  throw invalid(`\`${option}\` must be 1 to 256 visible characters.`);
}

function invalid(problem: string): TaperError {
  return new TaperError('option_invalid', problem, { hint: 'See docs/policy.md.' });
}
