import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { TaperError } from '@taper/core';
import { PolicyLoadError } from '../load-error.ts';
import { type CedarEngine, createCedarEngine } from './engine.ts';
import type { CedarEngineOptions } from './options.ts';
import type { NamedText } from './policies.ts';

export interface CedarFilesOptions
  extends Omit<CedarEngineOptions, 'policies' | 'schema' | 'entities'> {
  /** Paths of policy files (`.cedar`). Their names, without folders, stand in the ids of policies without `@id`, so no two may be the same. */
  readonly policies: readonly string[];
  /** Path of the schema (`.cedarschema`). */
  readonly schema: string;
  /** Path of the entities (JSON). */
  readonly entities?: string;
}

/**
 * As `createCedarEngine`, from files. Reads exactly the files named, all of them before it decides anything.
 * @throws {PolicyLoadError} also when a file cannot be read or is no UTF-8.
 */
export async function loadCedarEngine(options: CedarFilesOptions): Promise<CedarEngine> {
  const { policies, schema, entities, ...rest } = options;
  if (!Array.isArray(policies) || typeof schema !== 'string')
    throw new TaperError('option_invalid', '`policies` must be paths, and `schema` a path.', {
      hint: 'For texts, use `createCedarEngine`.',
    });
  const [readSchema, readEntities, ...readPolicies] = await Promise.all([
    read(schema),
    entities === undefined ? undefined : read(entities),
    ...policies.map((path) => read(path)),
  ]);
  return createCedarEngine({
    ...rest,
    policies: readPolicies,
    schema: readSchema,
    ...(readEntities === undefined ? {} : { entities: readEntities }),
  });
}

async function read(path: string): Promise<NamedText> {
  const name = basename(path);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const { code } = cause as { code?: string };
    throw new PolicyLoadError({ file: name }, `This file cannot be read (${code ?? 'unknown'}).`, {
      hint: 'Check the path and the rights of this process.',
      cause,
    });
  }
  try {
    return { name, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (cause) {
    throw new PolicyLoadError({ file: name }, 'This file is no UTF-8 text.', { cause });
  }
}
