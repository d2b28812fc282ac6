import { Failure } from './failure.ts';
import { writeAside } from './report.ts';
import type { Session } from './session.ts';

/** The one answer that counts as yes. */
const YES = 'approve';

const MAX_ANSWER = 1024;

/**
 * Asks at the terminal and goes on only when the word is typed out.
 * @throws {Failure} `not_confirmed` for any other answer, and where nobody sits at a terminal.
 */
export async function confirm(question: string, session: Session): Promise<void> {
  const { io } = session;
  if (!io.stdinIsTerminal || !io.stderr.isTerminal) {
    throw new Failure('not_confirmed', 'nothing was signed: nobody could be asked', {
      hint: 'Run it at a terminal, where you see what you sign. --yes signs without asking.',
    });
  }
  await writeAside(io, `${question} Type ${YES} to sign, anything else to leave it: `);
  if ((await readLine(session.takeStdin('the answer'))) === YES) return;
  throw new Failure('not_confirmed', 'nothing was signed: the answer was not "approve"', {
    hint: 'An action that nobody approves expires, and does not run.',
  });
}

/** The first line, without its end; `undefined` when input ends before the line does. */
async function readLine(input: AsyncIterable<Uint8Array>): Promise<string | undefined> {
  let text = '';
  for await (const chunk of input) {
    text += Buffer.from(chunk).toString('latin1');
    const end = text.indexOf('\n');
    if (end !== -1) return text.slice(0, end).replace(/\r$/, '');
    if (text.length > MAX_ANSWER) return undefined;
  }
  return undefined;
}
