import type { VerifiedChain } from '@taper/core';
import type { Outcome } from './command-definition.ts';
import { writeFiles } from './file/write.ts';
import type { Session } from './session.ts';
import { escapeText, jsonText, showName } from './text/escape.ts';
import { formatTime } from './text/time.ts';

export interface OutputOptions {
  readonly out?: string;
  readonly force?: boolean;
}

/**
 * Puts a JSON document where `--out` says, or on standard output. `note` says for people what it is.
 * @throws {Failure} as `writeFiles`.
 */
export async function deliver(
  document: object,
  note: string,
  { out, force }: OutputOptions,
  session: Session,
): Promise<Outcome> {
  const text = `${jsonText(document, 2)}\n`;
  if (out === undefined || out === '-') return { exitCode: 0, text, json: document };
  await writeFiles([{ path: out, text, secret: false }], force === true, session);
  return {
    exitCode: 0,
    text: '',
    json: { out },
    notes: [`wrote ${showName(out)}: ${note}`],
  };
}

/** What a chain is, in a few words. */
export function describeChain({ tokens, leaf }: VerifiedChain): string {
  const count = tokens.length === 1 ? '1 token' : `${tokens.length} tokens`;
  return `${count}, held by ${escapeText(leaf.claims.holder.thumbprint)} until ${formatTime(leaf.claims.exp)}`;
}
