import { checkLog } from '@taper/log';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { withLog } from '../log/failure.ts';
import {
  LOG_OPERAND,
  logFileOption,
  openPlace,
  type PlaceOptions,
  readNote,
  stateOption,
} from '../log/place.ts';
import { showName } from '../text/escape.ts';
import { paintFor } from '../text/layout.ts';
import { fsckObject, fsckText } from '../text/log.ts';

export const logFsck: AnyCommand = defineCommand<PlaceOptions>({
  name: 'log fsck',
  summary: 'check every byte of a log, and name what is damaged',
  description:
    'Reads the whole log and checks it against its signed checkpoint: each entry against its hash, each hash against the tree. ' +
    'Every flipped bit is found; where an entry and its hash differ, the tree tells which of the two was changed. Exits with 1 ' +
    'when anything is. It may run beside the writer.',
  operands: [LOG_OPERAND],
  options: [logFileOption, stateOption],
  examples: [
    { line: 'taper log fsck authority', does: 'Is the log on this disk whole?' },
    {
      line: 'taper log fsck https://log.example.com/authority --log authority.json',
      does: 'Is the one that is served?',
    },
  ],
  async run([name], options, session) {
    const place = await openPlace(name as string, options, session);
    const note = await readNote(place);
    const { source, trust } = place;
    const paths = await place.paths?.();
    const report = await withLog(() =>
      checkLog({ source, note, trust, ...(paths === undefined ? {} : { paths }) }),
    );
    const paint = paintFor(session.io.stdout.isTerminal, session.io.env);
    return {
      exitCode: report.verdict === 'intact' ? 0 : 1,
      text: fsckText(report, showName(place.name), paint),
      json: fsckObject(report),
    };
  },
});
