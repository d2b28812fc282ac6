import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Summary } from './conclude.ts';
import { startWorker, type Worker } from './processes.ts';
import { isAsExpected } from './record.ts';
import { tellStory } from './story.ts';
import { createPage, wantsColor } from './terminal.ts';

const USAGE = `The refund desk: what agents with narrow tokens can do, and what they cannot.

  node run.ts [--json] [--output <folder>] [--port <number>]

  --json       print one JSON object instead of the story
  --output     where to write receipts and audit logs (default: a new folder for temporary files)
  --port       the port of the MCP server (default: any that is free)
`;

/** Ended by Ctrl-C, by who supervises this process, or because nobody reads on. */
class Interrupted extends Error {
  readonly exitCode: number;

  constructor(signal: keyof typeof SIGNALS) {
    super('Interrupted.');
    this.exitCode = 128 + SIGNALS[signal];
  }
}

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGPIPE: 13, SIGTERM: 15 } as const;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      output: { type: 'string' },
      port: { type: 'string', default: '0' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`${values.port} is no port number.`);

  const { promise: interrupted, reject } = Promise.withResolvers<never>();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => reject(new Interrupted(signal)));
  process.stdout.on('error', () => reject(new Interrupted('SIGPIPE')));
  const workers: Worker[] = [];
  let isOver = false;
  const folder = mkdtempSync(join(tmpdir(), 'taper-refund-desk-'));
  try {
    const write = (text: string) => values.json || process.stdout.write(text);
    const story = tellStory({
      page: createPage(write, wantsColor(process.stdout)),
      folder,
      database: join(folder, 'shop.sqlite'),
      output: resolve(values.output ?? newOutputFolder()),
      port,
      start(name, script, options) {
        if (isOver) throw new Error('The run is over.');
        const worker = startWorker(name, script, options);
        workers.push(worker);
        return worker;
      },
    });
    return report(await Promise.race([story, interrupted]), values.json);
  } finally {
    isOver = true;
    await Promise.all(workers.map((worker) => worker.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A name that no other run has; the folder is made when there is something to write. */
function newOutputFolder(): string {
  return join(tmpdir(), `taper-output-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`);
}

function report(summary: Summary, json: boolean): number {
  if (json) process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
  if (summary.ok) return 0;
  process.stderr.write('\nThis did not go as it must:\n');
  for (const each of summary.attempts) {
    if (isAsExpected(each)) continue;
    const { by, tried, expected, code, tools_run } = each;
    process.stderr.write(
      `  ${by}: ${tried}: expected ${expected}, was ${code}, ${tools_run} tools ran\n`,
    );
  }
  process.stderr.write(`  refunds in the database: ${JSON.stringify(summary.refunds)}\n`);
  return 1;
}

function explain(error: unknown): string {
  const { message, code } = error as { message: string; code?: string };
  if (code === 'EADDRINUSE')
    return 'The port is taken by another program. Choose another with --port, or leave it out.';
  if (code === 'EACCES') return 'The port may not be used. Choose one above 1023 with --port.';
  if (code?.startsWith('ERR_PARSE_ARGS') === true) return `${message}\n\n${USAGE.trimEnd()}`;
  return message;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.exitCode = error instanceof Interrupted ? error.exitCode : 1;
  if (process.exitCode !== 128 + SIGNALS.SIGPIPE) process.stderr.write(`\n${explain(error)}\n`);
}
