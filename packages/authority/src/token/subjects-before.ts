import { isJsonObject, type JsonValue, type RevokedQueryChain } from '@taper/core';
import { subjectRefused } from './subject.ts';

/** Subjects of exchanges before this one that a root still names. None is dropped: what would be more is refused. */
const MAX_SUBJECTS = 8;

/** `taper_subject` of a root, where another exchange can still be put on top. @throws {AuthorityRefusal} `subject_refused`. */
export function requireFewSubjects(subject: JsonValue): JsonValue {
  if (subjectsIn(subject).length >= MAX_SUBJECTS) throw subjectRefused('exchanged_too_often');
  return subject;
}

/** What the chains rested on that were exchanged before, as their roots say. @throws {AuthorityRefusal} `subject_refused` for what is no such claim. */
export function chainsBefore(subject: JsonValue | undefined): readonly RevokedQueryChain[] {
  return subjectsIn(subject)
    .filter(({ kind }) => kind !== 'user')
    .map(({ tokens, keys }) => ({ tokens: texts(tokens), keys: texts(keys) }));
}

function subjectsIn(
  subject: JsonValue | undefined,
): readonly { readonly [member: string]: JsonValue }[] {
  const subjects: { readonly [member: string]: JsonValue }[] = [];
  for (let next = subject; next !== undefined; ) {
    if (!isJsonObject(next)) throw subjectRefused('taper_subject');
    subjects.push(next);
    next = Object.hasOwn(next, 'subject') ? next['subject'] : undefined;
  }
  return subjects;
}

function texts(value: JsonValue | undefined): readonly string[] {
  if (Array.isArray(value) && value.every((text) => typeof text === 'string'))
    return value as readonly string[];
  throw subjectRefused('taper_subject');
}
