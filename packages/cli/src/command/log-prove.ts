import { leafHash, writeLogProof } from '@taper/core';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { Failure } from '../failure.ts';
import { writeFiles } from '../file/write.ts';
import { withLog } from '../log/failure.ts';
import {
  LOG_OPERAND,
  logFileOption,
  openPlace,
  type PlaceOptions,
  readerOf,
  readNote,
  requireCheckpoint,
  stateOption,
} from '../log/place.ts';
import { forceOption, outOption, requiredOption, valueOption } from '../option.ts';
import { showName } from '../text/escape.ts';
import { readEntry } from './log-append.ts';

interface LogProveOptions extends PlaceOptions {
  readonly index: string;
  readonly entry?: string;
  readonly out?: string;
  readonly force?: boolean;
}

export const logProve: AnyCommand = defineCommand<LogProveOptions>({
  name: 'log prove',
  summary: 'make a proof that an entry is in a log',
  description:
    'Writes a C2SP tlog-proof: the index, the inclusion proof and the checkpoint with its cosignatures, in one text that anybody ' +
    'can check offline who knows the keys. With --entry it is made only when this very entry is there.',
  operands: [LOG_OPERAND],
  options: [
    requiredOption('--index <n>', 'index of the entry, from 0 on'),
    valueOption('--entry <file>', 'the entry that must be there; - for standard input'),
    logFileOption,
    stateOption,
    outOption,
    forceOption,
  ],
  examples: [
    {
      line: 'taper log prove authority --index 17 --out 17.tlog-proof',
      does: 'For whoever asks whether entry 17 is in the log.',
    },
  ],
  async run([name], options, session) {
    const place = await openPlace(name as string, options, session);
    const note = await readNote(place);
    const checkpoint = await requireCheckpoint(note, place.trust, session.io.clock());
    const index = /^(?:0|[1-9][0-9]{0,15})$/.test(options.index) ? Number(options.index) : -1;
    if (index < 0 || index >= checkpoint.size)
      throw new Failure('usage', `--index is no entry of this log of ${checkpoint.size} entries`, {
        field: '--index',
        hint: 'Indexes count from 0. An entry that was acknowledged and is not published yet has no proof.',
      });
    const reader = readerOf(place, checkpoint);
    const hashes = await withLog(() => reader.inclusionProof(index));
    if (options.entry !== undefined) {
      const wanted = leafHash(await readEntry(options.entry, session));
      await withLog(async () => {
        for await (const leaf of reader.leafHashes(index, index + 1))
          if (!Buffer.from(leaf).equals(wanted)) throw otherEntry(index);
      });
    }
    const proof = writeLogProof({ index, hashes, checkpoint: note });
    const { out, force } = options;
    if (out === undefined || out === '-')
      return { exitCode: 0, text: proof, json: { index, size: checkpoint.size, proof } };
    await writeFiles([{ path: out, text: proof, secret: false }], force === true, session);
    return {
      exitCode: 0,
      text: '',
      json: { out },
      notes: [`wrote ${showName(out)}: entry ${index} of ${checkpoint.size}`],
    };
  },
});

function otherEntry(index: number): Failure {
  return new Failure('log_unverified', `another entry has index ${index}`, {
    field: '--entry',
    hint: 'If the log acknowledged this entry at this index, it has broken its word: keep what it said.',
  });
}
