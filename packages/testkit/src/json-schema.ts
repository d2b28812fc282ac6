import type { JsonObject, JsonValue } from '@taper/core';

/**
 * Where a value breaks a JSON Schema (draft 2020-12), or undefined. Knows the keywords that `spec/` uses and
 * throws at any other, so that no rule of a schema is ever skipped.
 */
export function schemaProblem(
  value: JsonValue,
  schema: JsonValue,
  document: JsonObject,
  at = '$',
): string | undefined {
  if (typeof schema === 'boolean') return schema ? undefined : at;
  for (const [keyword, rule] of Object.entries(schema as JsonObject)) {
    const check = KEYWORDS[keyword];
    if (check === undefined) throw new Error(`the schema uses ${keyword}`);
    const problem = check(value, rule, { document, at, schema: schema as JsonObject });
    if (problem !== undefined) return problem;
  }
  return undefined;
}

interface Place {
  readonly document: JsonObject;
  readonly at: string;
  readonly schema: JsonObject;
}

type Keyword = (value: JsonValue, rule: JsonValue, place: Place) => string | undefined;

const annotation: Keyword = () => undefined;

const KEYWORDS: Readonly<Record<string, Keyword>> = {
  $schema: annotation,
  $defs: annotation,
  title: annotation,
  description: annotation,
  $ref(value, rule, { document, at }) {
    const name = /^#\/\$defs\/(\w+)$/.exec(rule as string)?.[1] ?? '';
    const target = (document['$defs'] as JsonObject)[name];
    if (target === undefined) throw new Error(`nothing is defined as ${rule}`);
    return schemaProblem(value, target, document, at);
  },
  type: (value, rule, { at }) => (typeOf(value, rule as string) ? undefined : `${at}: ${rule}`),
  const: (value, rule, { at }) => (value === rule ? undefined : `${at}: const`),
  enum: (value, rule, { at }) =>
    (rule as readonly JsonValue[]).includes(value) ? undefined : `${at}: enum`,
  pattern: (value, rule, { at }) =>
    typeof value !== 'string' || new RegExp(rule as string, 'u').test(value)
      ? undefined
      : `${at}: pattern`,
  minLength: (value, rule, { at }) =>
    typeof value !== 'string' || [...value].length >= (rule as number)
      ? undefined
      : `${at}: minLength`,
  maxLength: (value, rule, { at }) =>
    typeof value !== 'string' || [...value].length <= (rule as number)
      ? undefined
      : `${at}: maxLength`,
  minimum: (value, rule, { at }) =>
    typeof value !== 'number' || value >= (rule as number) ? undefined : `${at}: minimum`,
  maximum: (value, rule, { at }) =>
    typeof value !== 'number' || value <= (rule as number) ? undefined : `${at}: maximum`,
  maxItems: (value, rule, { at }) =>
    !Array.isArray(value) || value.length <= (rule as number) ? undefined : `${at}: maxItems`,
  minItems: (value, rule, { at }) =>
    !Array.isArray(value) || value.length >= (rule as number) ? undefined : `${at}: minItems`,
  minProperties: (value, rule, { at }) =>
    !typeOf(value, 'object') || Object.keys(value as object).length >= (rule as number)
      ? undefined
      : `${at}: minProperties`,
  required(value, rule, { at }) {
    if (!typeOf(value, 'object')) return undefined;
    const missing = (rule as readonly string[]).find(
      (each) => !Object.hasOwn(value as object, each),
    );
    return missing === undefined ? undefined : `${at}.${missing}: required`;
  },
  properties(value, rule, { document, at }) {
    if (!typeOf(value, 'object')) return undefined;
    for (const [member, schema] of Object.entries(rule as JsonObject)) {
      const content = (value as JsonObject)[member];
      if (content === undefined) continue;
      const problem = schemaProblem(content, schema, document, `${at}.${member}`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  },
  additionalProperties(value, rule, { document, at, schema }) {
    if (!typeOf(value, 'object')) return undefined;
    for (const [member, content] of Object.entries(value as JsonObject)) {
      if (Object.hasOwn((schema['properties'] ?? {}) as object, member)) continue;
      const problem = schemaProblem(content, rule, document, `${at}.${member}`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  },
  items(value, rule, { document, at }) {
    if (!Array.isArray(value)) return undefined;
    for (const [index, content] of value.entries()) {
      const problem = schemaProblem(content, rule, document, `${at}[${index}]`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  },
  oneOf(value, rule, { document, at }) {
    const problems = (rule as readonly JsonValue[]).map((each) =>
      schemaProblem(value, each, document, at),
    );
    const fitting = problems.filter((problem) => problem === undefined).length;
    return fitting === 1 ? undefined : `${at}: fits ${fitting} of oneOf (${problems.join(' | ')})`;
  },
};

function typeOf(value: JsonValue, type: string): boolean {
  switch (type) {
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    case 'string':
    case 'boolean':
      return typeof value === type;
    default:
      throw new Error(`the schema uses the type ${type}`);
  }
}
