import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createChildren } from './children.ts';
import { createPage } from './page.ts';
import { tellStory } from './story.ts';

const USAGE = `Incident response: three agents, a person on call, and a key that changes in between.

  node run.ts [--json]

  --json       print one JSON object instead of the story
`;

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGPIPE: 13, SIGTERM: 15 } as const;

/** Ended by Ctrl-C, by who supervises this process, or because nobody reads on. */
class Interrupted extends Error {
  readonly exitCode: number;

  constructor(signal: keyof typeof SIGNALS) {
    super('Interrupted.');
    this.exitCode = 128 + SIGNALS[signal];
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { json: { type: 'boolean', default: false }, help: { type: 'boolean' } },
  });
  if (values.help === true) {
    process.stdout.write(USAGE);
    return 0;
  }
  const { promise: interrupted, reject } = Promise.withResolvers<never>();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => reject(new Interrupted(signal)));
  process.stdout.on('error', () => reject(new Interrupted('SIGPIPE')));

  const folder = mkdtempSync(join(tmpdir(), 'taper-incident-'));
  const children = createChildren();
  const isColored = process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '';
  const page = createPage((text) => values.json || process.stdout.write(text), isColored);
  try {
    const story = tellStory({ page, folder, start: children.start });
    const { deployments, revocationMs } = await Promise.race([story, interrupted]);
    const { steps } = page;
    const wrong = steps.filter(({ code, expected }) => code !== expected);
    const summary = { ok: wrong.length === 0, steps, deployments, revocation_ms: revocationMs };
    if (values.json) process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
    for (const { by, tried, expected, code } of wrong)
      process.stderr.write(`${by}: ${tried}: expected ${expected}, was ${code}\n`);
    return summary.ok ? 0 : 1;
  } finally {
    await children.stopAll();
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  const { message, code } = error as { message: string; code?: string };
  process.exitCode = error instanceof Interrupted ? error.exitCode : 1;
  const usage = code?.startsWith('ERR_PARSE_ARGS') === true ? `\n\n${USAGE.trimEnd()}` : '';
  if (process.exitCode !== 128 + SIGNALS.SIGPIPE) process.stderr.write(`\n${message}${usage}\n`);
}
