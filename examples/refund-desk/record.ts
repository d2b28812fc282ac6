import type { Outcome } from './calls.ts';
import type { Worker } from './processes.ts';
import type { Page } from './terminal.ts';

/** Something that somebody tries. */
export interface Attempt {
  readonly tried: string;
  readonly by: string;
  /** How it must end: `permitted` (a call), `issued` (a root token), or the code of the denial. The run fails when it ends otherwise. */
  readonly expected: string;
  readonly run: () => Promise<Outcome>;
}

/** What came of it, as measured. */
export interface Recorded {
  readonly tried: string;
  readonly by: string;
  readonly expected: string;
  readonly code: string;
  readonly refused_by?: 'server' | 'authority' | 'toolkit';
  readonly argument?: string;
  readonly hop?: number;
  readonly step?: string;
  /** How many tools the servers ran meanwhile, by their own counts. */
  readonly tools_run: number;
}

export interface Record {
  readonly all: readonly Recorded[];
  /** Tries it, says what happened and keeps it. */
  try(attempt: Attempt): Promise<Outcome>;
}

/** How often each tool has run, by a server's own count. */
export interface Executions {
  readonly [tool: string]: number;
}

export function createRecord(servers: readonly Worker[], page: Page): Record {
  const all: Recorded[] = [];
  return {
    all,
    async try({ tried, by, expected, run }) {
      const before = sumOf(await executionsOf(servers));
      const outcome = await run();
      const { data: _data, approvalUrl: _url, refusedBy, ...facts } = outcome;
      const recorded: Recorded = {
        tried,
        by,
        expected,
        ...facts,
        ...(refusedBy === undefined ? {} : { refused_by: refusedBy }),
        tools_run: sumOf(await executionsOf(servers)) - before,
      };
      all.push(recorded);
      const mark = markOf(recorded.code, page);
      page.line(`  ${tried.padEnd(41)} ${mark}${WHERE[refusedBy ?? 'server']}`);
      return outcome;
    },
  };
}

/** What is said of who refused; mostly it is the server. */
const WHERE = { server: '', authority: ', authority', toolkit: ', own toolkit' } as const;

/** Whether somebody got what they tried to get. */
export function isGood(code: string): boolean {
  return code === 'permitted' || code === 'issued';
}

/** Whether it ended as it had to, and nothing ran that was refused. */
export function isAsExpected({ code, expected, tools_run }: Recorded): boolean {
  return code === expected && tools_run === (expected === 'permitted' ? 1 : 0);
}

export async function executionsOf(servers: readonly Worker[]): Promise<Executions> {
  const counts = await Promise.all(servers.map((server) => server.ask<Executions>('executions')));
  return Object.assign({}, ...counts);
}

export function sumOf(executions: Executions): number {
  return Object.values(executions).reduce((sum, count) => sum + count, 0);
}

function markOf(code: string, { good, bad, dim }: Page): string {
  if (isGood(code)) return good(`✓ ${code}`);
  return code === 'approval_required' ? dim(`… ${code}`) : bad(`✗ ${code}`);
}
