import {
  type PublicKey,
  parseJson,
  type Signer,
  signDirectoryStatement,
  verifyDirectoryStatement,
} from '@taper/core';
import { createLineHash } from './line-hash.ts';
import type { AgentRegister } from './register.ts';

/** Members of one directory at most. */
const MAX_MEMBERS = 20_000_000;

/** Lines of a snapshot: the authority's statement, then one line for each fact. */
export interface DirectorySnapshot {
  readonly size: number;
  readonly statement: string;
  readonly facts: readonly string[];
}

/** Facts that are written and hashed without a break: a few milliseconds. */
const STRETCH = 4096;

/**
 * Captures a register as it is when this is called, as the authority; whatever it becomes while the lines are written, others going first
 * now and then.
 * @param size entries of the log that it has seen at least.
 * @throws {TaperError} `signing_failed`.
 */
export async function captureDirectory(
  register: AgentRegister,
  { log, size, signer }: { readonly log: string; readonly size: number; readonly signer: Signer },
): Promise<DirectorySnapshot> {
  const captured = [...register.facts()];
  const facts: string[] = [];
  const hash = createLineHash();
  for (const fact of captured) {
    if (facts.length % STRETCH === STRETCH - 1) await new Promise((resolve) => setTimeout(resolve));
    const line = JSON.stringify(fact);
    facts.push(line);
    hash.add(line);
  }
  const statement = await signDirectoryStatement(
    { log, size, members: facts.length, hash: hash.end() },
    signer,
  );
  return Object.freeze({ size, statement, facts });
}

/**
 * Reads a snapshot into a register, and nothing of it before all of it was verified. Rejects as `lines` does.
 * @param atLeast entries of the log that it must cover.
 * @returns whether it is to be believed.
 */
export async function restoreDirectory(
  register: AgentRegister,
  lines: AsyncIterable<string>,
  trust: { readonly log: string; readonly authority: readonly PublicKey[] },
  atLeast: number,
): Promise<boolean> {
  let statement: ReturnType<typeof verifyDirectoryStatement>;
  const facts: string[] = [];
  const hash = createLineHash();
  for await (const line of lines) {
    if (statement === undefined) {
      statement = verifyDirectoryStatement(line, trust);
      if (statement === undefined || statement.size < atLeast) return false;
      if (statement.members > MAX_MEMBERS) return false;
      continue;
    }
    // No more is held in memory than the authority speaks of.
    if (facts.length >= statement.members) return false;
    facts.push(line);
    hash.add(line);
  }
  if (statement === undefined || facts.length !== statement.members) return false;
  if (hash.end() !== statement.hash) return false;
  return facts.every((line) => {
    const parsed = parseJson(line);
    return parsed.ok && register.restore(parsed.value);
  });
}
