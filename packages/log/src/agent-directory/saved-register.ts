import { isJsonObject, parseJson, TaperError } from '@taper/core';
import type { RevocationStateStore } from '../port/revocation-state-store.ts';
import { createLineHash } from './line-hash.ts';
import { type AgentRegister, createAgentRegister } from './register.ts';

/** Version of the lines. Others are not read, but made again from the log. */
const FORMAT = 3;

/** Saves a register that has seen `size` entries of the log. */
export async function saveRegister(
  store: RevocationStateStore | undefined,
  log: string,
  size: number,
  register: AgentRegister,
): Promise<void> {
  await store?.save(
    linesOf(
      log,
      size,
      [...register.facts()].map((fact) => JSON.stringify(fact)),
    ),
  );
}

function* linesOf(log: string, size: number, facts: readonly string[]): Generator<string> {
  const hash = createLineHash();
  for (const line of [JSON.stringify({ taper_agent_register: FORMAT, log, size }), ...facts]) {
    hash.add(line);
    yield line;
  }
  yield JSON.stringify(['sum', hash.end()]);
}

/** A register as it was saved, and the entries of the log that it has seen. */
export interface SavedRegister {
  readonly register: AgentRegister;
  readonly size: number;
}

/** Reads what was saved; `undefined` where nothing was, or it is damaged, or of another log or a longer one. */
export async function readSavedRegister(
  store: RevocationStateStore | undefined,
  log: string,
  end: number,
  report: (cause: unknown) => void,
): Promise<SavedRegister | undefined> {
  try {
    const lines = await store?.load();
    if (lines === undefined) return undefined;
    let header: number | undefined;
    const hash = createLineHash();
    let isWhole = false;
    const register = createAgentRegister();
    for await (const line of lines) {
      const parsed = parseJson(line);
      if (!parsed.ok || isWhole) throw damaged();
      const { value } = parsed;
      if (Array.isArray(value) && value[0] === 'sum') {
        isWhole = value[1] === hash.end();
        if (!isWhole) throw damaged();
        continue;
      }
      hash.add(line);
      if (header !== undefined) {
        if (!register.restore(value)) throw damaged();
        continue;
      }
      if (!isJsonObject(value) || value['taper_agent_register'] !== FORMAT) throw damaged();
      const { size } = value;
      if (value['log'] !== log || !Number.isSafeInteger(size)) throw damaged();
      header = size as number;
    }
    if (!isWhole || header === undefined || header > end) throw damaged();
    return { register, size: header };
  } catch (cause) {
    report(cause);
    return undefined;
  }
}

function damaged(): TaperError {
  return new TaperError(
    'store_unusable',
    'What was saved of the agents is not of this log, or is damaged.',
    {
      hint: 'It is made again from the log, which takes longer.',
    },
  );
}
