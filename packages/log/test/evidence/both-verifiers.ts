import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EvidenceVerdict, JsonObject } from '@taper/core';
import { runPython } from '@taper/testkit';
import { expect } from 'vitest';
import { policy, verify } from './story.ts';

/** What is asked of both verifiers. */
export interface Question {
  readonly what: string;
  readonly bundle: string;
  readonly changes?: JsonObject;
  readonly asOf?: number;
}

interface Report {
  readonly authentic: string;
  readonly authorized: string;
  readonly complete: string;
  readonly problems: readonly Found[];
}

async function askPython(questions: readonly Question[]): Promise<Report[]> {
  const folder = mkdtempSync(join(tmpdir(), 'taper-evidence-'));
  try {
    const file = join(folder, 'bundles.jsonl');
    const lines = questions.map(({ bundle, changes, asOf }) =>
      JSON.stringify({
        bundle: Buffer.from(bundle).toString('base64'),
        trust: policy(changes),
        as_of: asOf ?? null,
      }),
    );
    writeFileSync(file, `${lines.join('\n')}\n`);
    const { status, output } = await runPython('taper_verify', 'bundles', file);
    expect(status, output).toBe(0);
    return output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Report);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What either verifier has found: which verdict it belongs to, what it makes of it, and where. */
interface Found {
  readonly verdict: string;
  readonly outcome: string;
  readonly code: string;
  readonly path: string;
}

/** Of a bundle that is malformed in two places either may be named. */
function comparable(problems: readonly Found[]): string[] {
  return problems
    .map(({ verdict, outcome, code, path }) =>
      [verdict, outcome, code, code === 'bundle_malformed' ? '' : path].join(' '),
    )
    .toSorted();
}

/** Asks both, and expects one answer: verdicts, codes and paths. @returns ours. */
export async function compare(questions: readonly Question[]): Promise<EvidenceVerdict[]> {
  const reports = await askPython(questions);
  const verdicts: EvidenceVerdict[] = [];
  for (const [index, { what, bundle, changes, asOf }] of questions.entries()) {
    const verdict = await verify(bundle, changes, asOf);
    const { problems, ...report } = reports[index] as Report;
    expect(comparable(problems), what).toEqual(comparable(verdict.problems));
    expect(report, what).toMatchObject({
      authentic: verdict.authentic,
      authorized: verdict.authorized,
      complete: verdict.complete,
    });
    verdicts.push(verdict);
  }
  return verdicts;
}
