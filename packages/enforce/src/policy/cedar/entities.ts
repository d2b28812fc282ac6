import { checkParseEntities, type EntityJson, type Schema } from '@cedar-policy/cedar-wasm/nodejs';
import { parseJson } from '@taper/core';
import { PolicyLoadError, placeOf } from '../load-error.ts';
import type { NamedText } from './policies.ts';

/** Values in an entities file; it is the resource owner's own. */
const MAX_VALUES = 10_000_000;

/** The entities a resource owner keeps: who has which role, what belongs to what. */
export interface CedarEntities {
  /** All that a decision on this request can depend on. */
  reachableFrom(request: unknown): EntityJson[];
}

interface Entity {
  readonly json: EntityJson;
  /** Keys of the entities that it names. */
  readonly names: readonly string[];
}

/**
 * Reads entities in Cedar's JSON format and checks them against the schema.
 *
 * @param policies in Cedar's JSON format: entities that they name count for every request.
 * @throws {PolicyLoadError} when they are not whole and right.
 */
export function readEntities(
  source: NamedText | undefined,
  schema: Schema,
  policies: readonly unknown[],
): CedarEntities {
  const entities = new Map<string, Entity>();
  for (const json of source === undefined ? [] : parseEntities(source, schema)) {
    const [uid, ...names] = namesIn(json);
    // The first name in an entity is its own, since `uid` is looked at first.
    if (uid === undefined) throw notEntities(source?.name);
    if (entities.has(uid))
      throw new PolicyLoadError({ file: source?.name ?? '' }, `The entity ${uid} is there twice.`);
    entities.set(uid, { json, names });
  }
  const namedByPolicies = namesIn(policies);
  return {
    reachableFrom(request) {
      if (entities.size === 0) return [];
      const found = new Map<string, EntityJson>();
      const open = namesIn(request, [...namedByPolicies]);
      for (let uid = open.pop(); uid !== undefined; uid = open.pop()) {
        const entity = found.has(uid) ? undefined : entities.get(uid);
        if (entity === undefined) continue;
        found.set(uid, entity.json);
        open.push(...entity.names);
      }
      return [...found.values()];
    },
  };
}

/**
 * Every entity that a JSON value of Cedar's names, wherever it does: an object with a `type` and an `id`. A record that only looks
 * like one is harmless, one entity more. So no entity that a policy can get at is left out, which could silence a `forbid`.
 */
function namesIn(value: unknown, found: string[] = []): string[] {
  if (typeof value !== 'object' || value === null) return found;
  if (Array.isArray(value)) {
    for (const each of value) namesIn(each, found);
    return found;
  }
  const { uid, type, id, ...rest } = value as Record<string, unknown>;
  if (typeof type === 'string' && typeof id === 'string') found.push(JSON.stringify([type, id]));
  for (const each of [uid, type, id]) namesIn(each, found);
  for (const each of Object.values(rest)) namesIn(each, found);
  return found;
}

function parseEntities({ name, text }: NamedText, schema: Schema): readonly EntityJson[] {
  const parsed = parseJson(text, MAX_VALUES);
  if (!parsed.ok) {
    const offset =
      parsed.offset === undefined ? undefined : Buffer.byteLength(text.slice(0, parsed.offset));
    throw new PolicyLoadError(placeOf(name, text, offset), `This is no JSON: ${parsed.problem}.`);
  }
  const entities = parsed.value as unknown;
  if (!Array.isArray(entities) || !entities.every(hasUid)) throw notEntities(name);
  const answer = checkParseEntities({ entities, schema });
  if (answer.type === 'failure')
    throw new PolicyLoadError(
      { file: name },
      answer.errors[0]?.message ?? 'Not accepted by Cedar.',
      {
        hint: answer.errors[0]?.help ?? 'The entities must fit the schema.',
      },
    );
  return entities;
}

function hasUid(entity: unknown): entity is EntityJson {
  const { uid } = (entity ?? {}) as Partial<EntityJson>;
  return typeof uid === 'object' && uid !== null && namesIn(uid).length === 1;
}

function notEntities(file = 'entities'): PolicyLoadError {
  return new PolicyLoadError({ file }, 'These are no entities.', {
    hint: 'Write a JSON array of {"uid": {"type": "Taper::Agent", "id": "…"}, "attrs": {}, "parents": []}.',
  });
}
