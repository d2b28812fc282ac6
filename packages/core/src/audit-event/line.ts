import { platform } from '#crypto';
import { canonicalize } from '../jcs.ts';
import { isJsonObject, type JsonValue, parseJson } from '../json.ts';
import { type AuditEvent, MAX_AUDIT_LINE } from './event.ts';
import { eventProblem } from './shape.ts';

const UTF8 = new TextEncoder();

/** What a line holds: an event in the one form that has a meaning, and what its emitter signed. Nothing is verified yet. */
export interface ReadLine {
  readonly event: AuditEvent;
  /** base64url SHA-256 of the event's text without its signature. */
  readonly hash: string;
}

/**
 * Reads a line without its end. `undefined` unless it is the RFC 8785 text of an event with exactly the members and shapes
 * of `spec/audit.md` section 2, so that nothing in a line lies outside of what is hashed and signed.
 */
export function readLine(line: string): ReadLine | undefined {
  if (line.length > MAX_AUDIT_LINE) return undefined;
  const parsed = parseJson(line);
  if (!parsed.ok || !isJsonObject(parsed.value) || !isCanonical(parsed.value, line))
    return undefined;
  const event = parsed.value;
  if (eventProblem(event) !== undefined) return undefined;
  const { signature } = event as unknown as AuditEvent;
  // Quotation marks inside strings are escaped, and no member after this one holds an object.
  const start = line.lastIndexOf(`,"signature":"${signature}"`);
  const end = start + `,"signature":"${signature}"`.length;
  return {
    event: event as unknown as AuditEvent,
    hash: platform.sha256(UTF8.encode(line.slice(0, start) + line.slice(end))),
  };
}

function isCanonical(value: JsonValue, text: string): boolean {
  try {
    return canonicalize(value) === text;
  } catch {
    return false; // a number that no double holds
  }
}
