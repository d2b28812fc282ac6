import { platform } from '@taper/core';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { Failure } from '../failure.ts';
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
import { valueOption } from '../option.ts';
import { escapeText } from '../text/escape.ts';
import { checkpointObject, checkpointText } from '../text/log.ts';

interface LogShowOptions extends PlaceOptions {
  readonly entries?: string;
}

/** More than that is no listing for people or for one JSON value. */
const MOST_ENTRIES = 10_000;

export const logShow: AnyCommand = defineCommand<LogShowOptions>({
  name: 'log show',
  summary: 'show the checkpoint of a log, and entries',
  description:
    'Verifies the checkpoint under the log file and shows it; with --entries also a range of entries, each checked against the ' +
    'tree before it is shown. Nothing is shown of a log that does not verify.',
  operands: [LOG_OPERAND],
  options: [
    valueOption('--entries <range>', 'entries to show: 17, 10-19, or 990- to the end'),
    logFileOption,
    stateOption,
  ],
  examples: [
    { line: 'taper log show authority', does: 'How large is it, and who vouches for it?' },
    {
      line: 'taper log show https://log.example.com/authority --log authority.json --entries 0-9',
      does: 'The first ten entries.',
    },
  ],
  async run([name], options, session) {
    const place = await openPlace(name as string, options, session);
    const note = await readNote(place);
    const checkpoint = await requireCheckpoint(note, place.trust, session.io.clock());
    const range = readRange(options.entries, checkpoint.size);
    const lines: string[] = [];
    const entries: object[] = [];
    await withLog(async () => {
      if (range === undefined) return;
      for await (const { index, entry } of readerOf(place, checkpoint).entries(...range)) {
        const text = platform.decodeUtf8(entry);
        lines.push(
          `${index}  ${text === undefined ? `(${entry.length} bytes)` : escapeText(text)}`,
        );
        const base64 = Buffer.from(entry).toString('base64');
        entries.push({ index, ...(text === undefined ? { base64 } : { text }) });
      }
    });
    const shown = { ...checkpointObject(checkpoint), ...(range === undefined ? {} : { entries }) };
    return {
      exitCode: 0,
      text: `${checkpointText(checkpoint, place.trust.quorum)}${lines.map((line) => `${line}\n`).join('')}`,
      json: shown,
    };
  },
});

/** @throws {Failure} `usage`. */
function readRange(text: string | undefined, size: number): readonly [number, number] | undefined {
  if (text === undefined) return undefined;
  const match = /^([0-9]{1,16})(-([0-9]{1,16})?)?$/.exec(text);
  const from = Number(match?.[1]);
  const last = match?.[2] === undefined ? from : Number(match[3] ?? size - 1);
  if (match !== null && from <= last && last < size && last - from < MOST_ENTRIES)
    return [from, last + 1];
  throw new Failure('usage', `--entries is no range of this log of ${size} entries`, {
    field: '--entries',
    hint: `Write 17, 10-19, or 990- for all from there on; at most ${MOST_ENTRIES} at one time.`,
  });
}
