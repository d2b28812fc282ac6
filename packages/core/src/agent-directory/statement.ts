import { platform } from '#crypto';
import { hasExactly, isTime } from '../approval/shape.ts';
import { readCanonicalObject } from '../authority-entry/canonical.ts';
import type { Signer } from '../crypto/port.ts';
import { TaperError } from '../error.ts';
import { canonicalize, canonicalizeParsed } from '../jcs.ts';
import { signBytes } from '../make.ts';
import type { RevocationEntryTrust } from '../revocation/entry.ts';
import { isHashText } from '../revocation/target.ts';
import { driveSync } from '../signature-driver.ts';
import { signedBy } from '../signed-by.ts';

/** What begins every text that an authority signs for such a statement; no other text that Taper signs begins so. */
const DOMAIN = 'taper-agent-directory-v1:';

/** What an authority says of all agents at one size of its log (spec/agent-directory.md section 3). */
export interface DirectoryStatement {
  /** Origin of the log. */
  readonly log: string;
  /** Entries of the log that it covers: all before this index. */
  readonly size: number;
  /** Members that follow. */
  readonly members: number;
  /** base64url hash of their lines (spec/agent-directory.md section 3). */
  readonly hash: string;
}

const MEMBERS = ['hash', 'log', 'members', 'signature', 'size', 'type', 'version'];
const UTF8 = new TextEncoder();

/**
 * Signs a statement, as the authority. The text is one line.
 * @throws {TaperError} `option_invalid`, `signing_failed`.
 */
export async function signDirectoryStatement(
  { log, size, members, hash }: DirectoryStatement,
  signer: Signer,
): Promise<string> {
  if (
    typeof log !== 'string' ||
    log === '' ||
    !isTime(size) ||
    !isTime(members) ||
    !isHashText(hash)
  )
    throw new TaperError('option_invalid', 'This is no statement of a directory.');
  const statement = { type: 'agent_directory', version: 1, log, size, members, hash };
  const signature = await signBytes(UTF8.encode(DOMAIN + canonicalize(statement)), signer);
  return canonicalize({ ...statement, signature: platform.encodeBase64url(signature) });
}

/**
 * Reads and verifies a statement; `undefined` unless a key of the authority signed it for this log.
 * @throws {TaperError} `crypto_asynchronous` where the platform cannot verify at once.
 */
export function verifyDirectoryStatement(
  text: string,
  trust: RevocationEntryTrust,
): DirectoryStatement | undefined {
  const object = readCanonicalObject(text);
  if (object === undefined || !hasExactly(object, MEMBERS)) return undefined;
  const { signature, ...signed } = object;
  const { type, version, log, size, members, hash } = signed;
  if (type !== 'agent_directory' || version !== 1 || log !== trust.log) return undefined;
  if (!isTime(size) || !isTime(members) || !isHashText(hash)) return undefined;
  if (typeof signature !== 'string') return undefined;
  const input = DOMAIN + canonicalizeParsed(signed);
  if (driveSync(signedBy(trust.authority, input, signature)) === undefined) return undefined;
  return Object.freeze({ log, size, members, hash });
}
