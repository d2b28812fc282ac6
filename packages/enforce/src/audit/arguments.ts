import { canonicalize, type JsonObject, parseJson } from '@taper/core';

/** Top-level arguments that are recorded in full, by tool. The resource owner's choice; nothing is recorded in full without it. */
export type RecordedArguments = Readonly<Record<string, readonly string[]>>;

/** An argument whose JSON is longer than this is recorded by hash alone, although it is listed. */
const MAX_RECORDED = 4096;

/** All that are recorded of one event together, so that whoever reads the event finds it neither too long nor too large. */
const MAX_RECORDED_TOGETHER = 16_384;

/** Names are cut after this many characters. */
const MAX_NAME = 512;

const TOKEN = /eyJ[A-Za-z0-9_-]{8}/;

/**
 * The listed arguments as RFC 8785 text, or `undefined` where none is there. What an event cannot hold so that it can be read
 * again, and what holds something that looks like a token, is left to the hash.
 */
export function writeRecorded(
  tool: string,
  args: JsonObject,
  recorded: RecordedArguments,
): string | undefined {
  if (!Object.hasOwn(recorded, tool)) return undefined;
  const kept: Record<string, unknown> = {};
  let room = MAX_RECORDED_TOGETHER;
  for (const name of new Set(recorded[tool])) {
    if (!Object.hasOwn(args, name)) continue;
    const text = canonicalize(args[name]);
    if (text.length > Math.min(MAX_RECORDED, room) || !isRecordable(text)) continue;
    kept[name] = args[name];
    room -= text.length;
  }
  return Object.keys(kept).length === 0 ? undefined : canonicalize(kept);
}

/** In an event it stands two containers deep. */
function isRecordable(text: string): boolean {
  return !TOKEN.test(text) && parseJson(`[[${text}]]`).ok;
}

/** A name that may have come from anybody, as it may stand in an event: well-formed, of bounded length, no token. */
export function recordedName(name: string): string {
  const text = withholdTokens(name.toWellFormed());
  return text.length <= MAX_NAME ? text : `${text.slice(0, MAX_NAME).toWellFormed()}…`;
}

/** Takes out what looks like a JWS, whole or in part: somebody may have put a token where a name belongs. */
function withholdTokens(text: string): string {
  return text.includes('eyJ')
    ? text.replace(/eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,2}/g, '(token withheld)')
    : text;
}
