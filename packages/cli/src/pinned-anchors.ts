import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  advanceAnchors,
  parseJson,
  pinAnchors,
  type UnsafeAnchors,
  type VerifiedAnchors,
  writeAnchors,
} from '@taper/core';
import type { Outcome } from './command-definition.ts';
import { deliver, type OutputOptions } from './document.ts';
import { Failure } from './failure.ts';
import type { InputText } from './file/read.ts';
import { believed, parseDocuments, readPinned } from './file/trust-anchors.ts';
import type { Session } from './session.ts';
import { showName } from './text/escape.ts';

const THUMBPRINT = /^[A-Za-z0-9_-]{43}$/;

/**
 * Believes a document under a pin: the thumbprint of a root key, or a file with a document that was believed before. What lies at
 * `--out` already is a pin too, so that nothing is ever replaced by something older or of somebody else.
 *
 * @throws {Failure} `anchors_refused`, `anchors_malformed`, and as `readInput`.
 */
export async function believeAnchors(
  input: InputText,
  pin: string,
  out: string | undefined,
  session: Session,
): Promise<VerifiedAnchors> {
  const documents = parseDocuments(input);
  const now = session.io.clock();
  let anchors: VerifiedAnchors;
  if (THUMBPRINT.test(pin)) {
    const newest = documents.at(-1) as UnsafeAnchors;
    const pinned = believed(pinAnchors(newest, pin), input.source);
    anchors = believed(advanceAnchors(pinned, [newest], now), input.source);
  } else {
    const pinned = await readPinned(pin, '--pin', session);
    anchors = believed(advanceAnchors(pinned, documents, now), input.source);
  }
  if (out !== undefined && out !== '-' && (await exists(out, session))) {
    const kept = await readPinned(out, '--out', session);
    believed(advanceAnchors(kept, documents, now), input.source);
  }
  return anchors;
}

/** Writes a document that is believed. @throws {Failure} as `deliver`. */
export async function keepAnchors(
  anchors: VerifiedAnchors,
  output: OutputOptions,
  session: Session,
): Promise<Outcome> {
  const { issuer, sequence } = anchors;
  const parsed = parseJson(writeAnchors(anchors));
  if (!parsed.ok) throw new Error('a document that was read cannot be written');
  const note = `trust anchors of ${showName(issuer)}, document ${sequence}`;
  return deliver(parsed.value as object, note, output, session);
}

async function exists(path: string, session: Session): Promise<boolean> {
  try {
    await access(resolve(session.io.cwd, path));
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw new Failure('file_unreadable', `cannot read ${showName(path)}`, {
      file: path,
      field: '--out',
      hint: 'What lies there is compared before it is replaced.',
    });
  }
}
