import { type LogProofProblem, verifyLogProofAsync } from '@taper/core';
import { verifyLogEvidence } from '@taper/log';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { Failure } from '../failure.ts';
import { readInput } from '../file/read.ts';
import { withLog } from '../log/failure.ts';
import { readLogFile } from '../log/log-file.ts';
import { requiredOption, valueOption } from '../option.ts';
import { showName } from '../text/escape.ts';
import { paintFor, wrap } from '../text/layout.ts';
import { checkpointObject, checkpointText } from '../text/log.ts';
import { readEntry } from './log-append.ts';

interface LogVerifyOptions {
  readonly log: string;
  readonly entry?: string;
}

const PROBLEMS: Readonly<Record<LogProofProblem, string>> = {
  proof_malformed: 'it is no tlog-proof',
  inclusion_invalid: 'this entry is not in that log at that index',
  note_malformed: 'its checkpoint is no signed note',
  checkpoint_malformed: 'its checkpoint is of no log',
  origin_mismatch: 'its checkpoint is of another log',
  signature_missing: 'no key in the log file has signed its checkpoint',
  signature_invalid: 'its checkpoint was changed, or signed by somebody else',
  quorum_unmet: 'too few witnesses have cosigned its checkpoint',
  cosignature_future: 'its cosignatures lie in the future',
};

export const logVerify: AnyCommand = defineCommand<LogVerifyOptions>({
  name: 'log verify',
  summary: 'check a proof of an entry, or evidence against a log',
  description:
    'Checks a tlog-proof with its entry, or evidence that a log has signed two histories (as `taper log monitor` writes it), ' +
    'under the keys in the log file, with no network. Exits with 1 when it does not hold.',
  operands: [{ term: '<file>', description: 'tlog-proof, or evidence; - for standard input' }],
  options: [
    requiredOption('--log <file>', 'log file: the origin and keys that you believe'),
    valueOption('--entry <file>', 'the entry that the proof is about'),
  ],
  examples: [
    {
      line: 'taper log verify 17.tlog-proof --entry event.json --log authority.json',
      does: 'Is this event in the log?',
    },
  ],
  async run([path], options, session) {
    const { trust } = await readLogFile(options.log, session);
    const { text, source } = await readInput(path as string, 'proof', session);
    const paint = paintFor(session.io.stdout.isTerminal, session.io.env);
    if (text.startsWith('{')) {
      const verdict = await withLog(() => verifyLogEvidence(text, trust));
      const { proved } = verdict;
      const title = proved
        ? `${paint('red', 'PROVED')} ${showName(trust.origin)} has signed two histories, of ${verdict.older.size} and ${verdict.newer.size} entries`
        : `${paint('yellow', 'NOT PROVED')} ${source}: ${verdict.problem}`;
      return {
        exitCode: proved ? 0 : 1,
        text: `${wrap(title, 0, 2)}\n`,
        json: proved
          ? {
              proved,
              older: checkpointObject(verdict.older),
              newer: checkpointObject(verdict.newer),
            }
          : verdict,
      };
    }
    if (options.entry === undefined)
      throw new Failure('usage', 'a proof is checked with its entry: give --entry', {
        field: '--entry',
        hint: 'The proof does not hold the entry itself.',
      });
    const entry = await readEntry(options.entry, session);
    const now = session.io.clock();
    const verdict = await withLog(() => verifyLogProofAsync(text, entry, trust, { now }));
    if (!verdict.ok) {
      const title = `${paint('red', 'NOT INCLUDED')} ${source}: ${PROBLEMS[verdict.problem]} (${verdict.problem})`;
      const { problem } = verdict;
      return {
        exitCode: 1,
        text: `${wrap(title, 0, 2)}\n`,
        json: { verdict: 'not_included', problem },
      };
    }
    const { checkpoint, index } = verdict;
    return {
      exitCode: 0,
      text: `${paint('green', 'INCLUDED')} as entry ${index}\n${checkpointText(checkpoint, trust.quorum)}`,
      json: { verdict: 'included', index, checkpoint: checkpointObject(checkpoint) },
    };
  },
});
