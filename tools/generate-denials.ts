/**
 * Writes the denial codes where they are used, from their single source `spec/denials.json`:
 * `packages/core/src/denial-codes.ts` (the union and its facts) and `docs/denials.md` (the table).
 * `npm run generate` writes; `npm run check` fails when a file differs from what this would write.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './repository.ts';

/** One entry of `spec/denials.json`. */
export interface DenialEntry {
  readonly code: string;
  /** One sentence: what was found. */
  readonly summary: string;
  /** Steps of the draft's section 8 at which it is found (`4p`, `7c`); empty for the profile's own. */
  readonly steps: readonly string[];
  /** HTTP status of the refused call. */
  readonly http: number;
  /** What the caller can do about it. */
  readonly hint: string;
}

const MEMBERS = ['code', 'hint', 'http', 'steps', 'summary'];
const CODE = /^[a-z]+(_[a-z0-9]+)*$/;
const STEP = /^[1-9][0-9]?[a-z]?[0-9]?$/;

/** Where the source lies, from the root of the repository. */
const DENIALS_SOURCE = 'spec/denials.json';

function text(value: unknown): value is string {
  return (
    typeof value === 'string' && value.trim() === value && value !== '' && !/[\r\n]/.test(value)
  );
}

function faultsOf(entry: unknown): string[] {
  if (typeof entry !== 'object' || entry === null) return ['is not an object'];
  const record = entry as Record<string, unknown>;
  const faults: string[] = [];
  const members = Object.keys(record).sort();
  if (members.join() !== MEMBERS.join()) {
    faults.push(`has the members ${members.join(', ')} instead of ${MEMBERS.join(', ')}`);
  }
  if (!text(record.code) || !CODE.test(record.code)) faults.push('has no snake_case code');
  if (!text(record.summary) || !record.summary.endsWith('.')) {
    faults.push('has no summary that is a sentence');
  }
  if (!text(record.hint)) faults.push('has no hint');
  const http = record.http;
  if (!Number.isInteger(http) || (http as number) < 400 || (http as number) > 599) {
    faults.push('has no HTTP status from 400 to 599');
  }
  const steps = record.steps;
  if (!Array.isArray(steps) || !steps.every((step) => text(step) && STEP.test(step))) {
    faults.push('has steps that are not like "4p" or "4p1"');
  }
  return faults;
}

/**
 * Parses `spec/denials.json`.
 *
 * @throws Error naming every entry that is malformed or repeats a code.
 */
export function parseDenials(source: string): readonly DenialEntry[] {
  const entries: unknown = JSON.parse(source);
  if (!Array.isArray(entries)) throw new Error(`${DENIALS_SOURCE} is not an array`);
  const faults: string[] = [];
  const seen = new Set<unknown>();
  for (const [index, entry] of entries.entries()) {
    const code = (entry as Record<string, unknown> | null)?.code;
    for (const fault of faultsOf(entry)) faults.push(`entry ${index} (${String(code)}) ${fault}`);
    if (seen.has(code)) faults.push(`entry ${index} repeats the code ${String(code)}`);
    seen.add(code);
  }
  if (faults.length > 0) throw new Error(`${DENIALS_SOURCE}: ${faults.join('; ')}`);
  return entries as DenialEntry[];
}

/** A string literal in the quotes that Biome would choose. */
function literal(value: string): string {
  const double = JSON.stringify(value);
  const singles = value.split("'").length;
  const doubles = value.split('"').length;
  if (singles > doubles) return double;
  return `'${double.slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}

/** The TypeScript module with the closed list of codes. */
export function renderDenialCodes(entries: readonly DenialEntry[]): string {
  const members = entries.map(({ code, summary, steps, http, hint }) =>
    [
      `  ${code}: {`,
      `    summary: ${literal(summary)},`,
      `    steps: [${steps.map(literal).join(', ')}],`,
      `    http: ${http},`,
      `    hint: ${literal(hint)},`,
      '  },\n',
    ].join('\n'),
  );
  return `// Generated from ${DENIALS_SOURCE} by \`npm run generate\`. Do not edit.

/**
 * Every reason for which a token or call is refused: what was found, at which steps of the draft's
 * section 8, the HTTP status of the refusal, and what the caller can do about it. The texts are for
 * people and are not part of the API.
 */
export const DENIALS = {
${members.join('')}} as const;

/** Stable, machine-readable reason of a denial. */
export type DenialCode = keyof typeof DENIALS;
`;
}

function cell(value: string): string {
  return value.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}

/** The documentation page with one row per code. */
export function renderDenialsPage(entries: readonly DenialEntry[]): string {
  const rows = entries.map(
    ({ code, summary, steps, http, hint }) =>
      `| <a id="${code}"></a>\`${code}\` | ${http} | ${steps.join(', ') || '–'} | ${cell(summary)} | ${cell(hint)} |`,
  );
  return `<!-- Generated from ${DENIALS_SOURCE} by \`npm run generate\`. Do not edit. -->

# Denial codes

A refused token or call is data, not an exception: a denial carries one of these codes, the hop it
was found at, the draft's step, and the facts. The codes are stable and are what to program
against; the text is for people and may change.

"Step" is the step of the draft's section 8 (draft-niyikiza-oauth-attenuating-agent-tokens-02) at
which the fault is found; "–" marks a rule of Taper's own profile. "HTTP" is the status with which
an HTTP enforcement point answers, as problem+json (RFC 9457).

| code | HTTP | step | what was found | what to do |
|---|---|---|---|---|
${rows.join('\n')}
`;
}

/** Each generated file, by its path from the root of the repository, with the text it must have. */
export function renderGenerated(root: string): ReadonlyMap<string, string> {
  const entries = parseDenials(readFileSync(join(root, DENIALS_SOURCE), 'utf8'));
  return new Map([
    ['packages/core/src/denial-codes.ts', renderDenialCodes(entries)],
    ['docs/denials.md', renderDenialsPage(entries)],
  ]);
}

if (process.argv[1] === import.meta.filename) {
  for (const [path, content] of renderGenerated(repositoryRoot)) {
    writeFileSync(join(repositoryRoot, path), content);
    console.log(`wrote ${path}`);
  }
}
