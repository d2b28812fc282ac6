import { type LogTrust, type NoteKey, parseNoteKey } from '@taper/core';
import { Failure } from '../failure.ts';
import { isObject, kindOf, member, parseJsonInput } from '../file/json.ts';
import { type InputText, readInput } from '../file/read.ts';
import type { Session } from '../session.ts';
import { quoteText } from '../text/escape.ts';

/** A witness of a log, as the log file names it. */
export interface LogWitness {
  readonly key: NoteKey;
  /** Where it takes checkpoints in; `undefined` for who only verifies. */
  readonly url: string | undefined;
}

/** Who a log is and whom to believe about it: what its operator hands to its readers, and what its folder holds. */
export interface LogFile {
  readonly trust: LogTrust;
  readonly witnesses: readonly LogWitness[];
}

const MEMBERS = ['origin', 'keys', 'witnesses', 'quorum'];

/** Reads a log file: JSON `{"origin", "keys": ["<vkey>"], "witnesses": [{"key": "<vkey>", "url"}], "quorum"}`. @throws {Failure} `log_file_malformed`, and as `readInput`. */
export async function readLogFile(path: string, session: Session): Promise<LogFile> {
  return parseLogFile(await readInput(path, '--log', session));
}

function parseLogFile(input: InputText): LogFile {
  const malformed = (what: string, field?: string): Failure =>
    new Failure('log_file_malformed', `${input.source}: ${what}`, {
      file: input.source,
      field,
      hint: 'A log file is JSON {"origin": "…", "keys": ["<vkey>"], "witnesses": [{"key": "<vkey>", "url": "https://…"}], "quorum": 0}. `taper log init` makes one.',
    });
  const value = parseJsonInput(input);
  if (!isObject(value)) throw malformed(`it is ${kindOf(value)} and not an object`);
  const stranger = Object.keys(value).find((name) => !MEMBERS.includes(name));
  if (stranger !== undefined) throw malformed(`it has a member ${quoteText(stranger)}`, stranger);
  const origin = member(value, 'origin');
  if (typeof origin !== 'string' || origin === '') throw malformed('it names no origin', 'origin');
  const keyOf = (text: unknown, type: 1 | 4, field: string): NoteKey => {
    const key = typeof text === 'string' ? parseNoteKey(text) : undefined;
    if (key === undefined) throw malformed(`${field} is no verifier key`, field);
    if (key.type !== type)
      throw malformed(`${field} is the key of a ${type === 1 ? 'witness' : 'log'}`, field);
    return key;
  };
  const keys = member(value, 'keys');
  if (!Array.isArray(keys) || keys.length === 0) throw malformed('it has no keys', 'keys');
  const witnesses = member(value, 'witnesses') ?? [];
  if (!Array.isArray(witnesses)) throw malformed('its witnesses are no list', 'witnesses');
  const read = witnesses.map((each, index): LogWitness => {
    const field = `witnesses[${index}]`;
    const url = isObject(each) ? member(each, 'url') : undefined;
    if (url !== undefined && typeof url !== 'string')
      throw malformed(`${field}.url is no text`, field);
    return { key: keyOf(isObject(each) ? member(each, 'key') : each, 4, `${field}.key`), url };
  });
  const quorum = member(value, 'quorum') ?? read.length;
  if (
    typeof quorum !== 'number' ||
    !Number.isSafeInteger(quorum) ||
    quorum < 0 ||
    quorum > read.length
  )
    throw malformed('its quorum is no number of its witnesses', 'quorum');
  return {
    trust: {
      origin,
      keys: keys.map((each, index) => keyOf(each, 1, `keys[${index}]`)),
      witnesses: read.map(({ key }) => key),
      quorum,
    },
    witnesses: read,
  };
}

/** The document that {@link parseLogFile} reads. */
export function logDocument({ trust, witnesses }: LogFile): object {
  return {
    origin: trust.origin,
    keys: trust.keys.map(({ text }) => text),
    witnesses: witnesses.map(({ key, url }) => ({
      key: key.text,
      ...(url === undefined ? {} : { url }),
    })),
    quorum: trust.quorum,
  };
}
