import { DENIALS, type DenialCode } from '@taper/core';
import type { Outcome } from './calls.ts';
import type { Worker } from './processes.ts';
import type { Page } from './terminal.ts';

/** Something that somebody tries. */
export interface Attempt {
  readonly tried: string;
  readonly by: string;
  /** How it must end: `permitted`, or the code of the denial. The run fails when it ends otherwise. */
  readonly expected: string;
  readonly run: () => Promise<Outcome>;
}

/** What came of it, as measured. */
export interface Recorded {
  readonly tried: string;
  readonly by: string;
  readonly expected: string;
  readonly code: string;
  readonly refused_by?: 'server' | 'toolkit';
  readonly argument?: string;
  readonly hop?: number;
  readonly step?: string;
  /** How many tools the server ran meanwhile, by its own count. */
  readonly tools_run: number;
}

export interface Record {
  readonly all: readonly Recorded[];
  /** Tries it, says what happened and keeps it. */
  try(attempt: Attempt): Promise<Outcome>;
}

export function createRecord(server: Worker, page: Page): Record {
  const all: Recorded[] = [];
  return {
    all,
    async try({ tried, by, expected, run }) {
      const before = await countExecutions(server);
      const { data, ...outcome } = await run();
      const { refusedBy, ...facts } = outcome;
      const recorded: Recorded = {
        tried,
        by,
        expected,
        ...facts,
        ...(refusedBy === undefined ? {} : { refused_by: refusedBy }),
        tools_run: (await countExecutions(server)) - before,
      };
      all.push(recorded);
      page.line(`  ${upperFirst(tried)}`);
      page.paragraph(verdictOf(recorded, page), '    ');
      return { ...outcome, data };
    },
  };
}

/** Whether it ended as it had to, and nothing ran that was refused. */
export function isAsExpected({ code, expected, tools_run }: Recorded): boolean {
  return code === expected && tools_run === (expected === 'permitted' ? 1 : 0);
}

export async function countExecutions(server: Worker): Promise<number> {
  const executions = await server.ask<{ readonly [tool: string]: number }>('executions');
  return Object.values(executions).reduce((sum, count) => sum + count, 0);
}

function verdictOf(recorded: Recorded, page: Page): string {
  const { code, argument, hop, refused_by } = recorded;
  if (code === 'permitted') return `${page.good('✓ permitted')}, and the tool ran`;
  const where = [
    ...(argument === undefined ? [] : [`argument ${argument}`]),
    ...(hop === undefined ? [] : [`token ${hop + 1} of the chain`]),
  ];
  const who = refused_by === 'toolkit' ? ', by its own toolkit, before anything was sent' : '';
  const place = where.length === 0 ? '' : ` (${where.join(', ')})`;
  return `${page.bad(`✗ ${code}`)}${place}${who}: ${lowerFirst(summaryOf(code))}`;
}

function summaryOf(code: string): string {
  return code in DENIALS ? DENIALS[code as DenialCode].summary : 'A reason that is not known here.';
}

const upperFirst = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
