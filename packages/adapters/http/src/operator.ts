import { denial } from '@taper/core';
import { type Answer, closing, denialAnswer } from './problem.ts';

/** Told what the operator has to mend. */
export type Report = (error: unknown) => void;

/** Tells the operator, and gives what the client hears of it: `internal_error`. */
export function failure(error: unknown, report: Report = printError, realm = 'taper'): Answer {
  try {
    report(error);
  } catch {
    // A logger that fails opens nothing.
  }
  return closing(denialAnswer(denial('internal_error'), realm));
}

function printError(error: unknown): void {
  console.error(error);
}
