import { isJsonObject, parseJson, platform, TaperError } from '@taper/core';
import type { RevocationStateStore } from '../port/revocation-state-store.ts';
import { type AgentRegister, createAgentRegister } from './register.ts';

/** Version of the lines. Others are not read, but made again from the log. */
const FORMAT = 2;

const UTF8 = new TextEncoder();

/** The sum over all lines so far. */
function sumWith(sum: string, line: string): string {
  return platform.sha256(UTF8.encode(sum + line));
}

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
  let sum = '';
  for (const line of [JSON.stringify({ taper_agent_register: FORMAT, log, size }), ...facts]) {
    sum = sumWith(sum, line);
    yield line;
  }
  yield JSON.stringify(['sum', sum]);
}

/**
 * Reads what was saved into an empty register; `undefined` where nothing was, or it is damaged, or of another log or a longer one.
 * @returns the entries of the log that it has seen.
 */
export async function readSavedRegister(
  store: RevocationStateStore | undefined,
  log: string,
  register: AgentRegister,
  end: number,
  report: (cause: unknown) => void,
): Promise<number | undefined> {
  try {
    const lines = await store?.load();
    if (lines === undefined) return undefined;
    let header: number | undefined;
    let sum = '';
    let isWhole = false;
    const read = createAgentRegister();
    for await (const line of lines) {
      const parsed = parseJson(line);
      if (!parsed.ok || isWhole) throw damaged();
      const { value } = parsed;
      if (Array.isArray(value) && value[0] === 'sum') {
        isWhole = value[1] === sum;
        if (!isWhole) throw damaged();
        continue;
      }
      sum = sumWith(sum, line);
      if (header !== undefined) {
        if (!read.restore(value)) throw damaged();
        continue;
      }
      if (!isJsonObject(value) || value['taper_agent_register'] !== FORMAT) throw damaged();
      const { size } = value;
      if (value['log'] !== log || !Number.isSafeInteger(size)) throw damaged();
      header = size as number;
    }
    if (!isWhole || header === undefined || header > end) throw damaged();
    for (const fact of read.facts()) register.restore([...fact]);
    return header;
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
