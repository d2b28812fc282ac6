import { resolve } from 'node:path';
import {
  type CheckpointView,
  createMonitor,
  createWitnessView,
  type MonitorReport,
} from '@taper/log';
import { createFileMonitorStore } from '@taper/log/file';
import { type AnyCommand, defineCommand, type Outcome } from '../command-definition.ts';
import { writeFiles } from '../file/write.ts';
import { withLog } from '../log/failure.ts';
import type { LogFile } from '../log/log-file.ts';
import { LOG_OPERAND, logFileOption, openPlace, stateOption } from '../log/place.ts';
import { flagOption, requiredOption, valueOption } from '../option.ts';
import { jsonLine } from '../report.ts';
import type { Session } from '../session.ts';
import { jsonText, showName } from '../text/escape.ts';
import { paintFor } from '../text/layout.ts';
import { monitorObject, monitorText } from '../text/log.ts';
import { parseDuration } from '../text/time.ts';

interface LogMonitorOptions {
  readonly log?: string;
  readonly state?: string;
  readonly seen: string;
  readonly evidence?: string;
  readonly interval?: string;
  readonly maxAge?: string;
  readonly entries?: boolean;
  readonly once?: boolean;
}

export const logMonitor: AnyCommand = defineCommand<LogMonitorOptions>({
  name: 'log monitor',
  summary: 'watch a log: does it only grow, the same for everybody',
  description:
    'Looks at a log again and again, and remembers the largest checkpoint in --seen. Each one must grow out of that, verify under ' +
    'the log file, go with what its witnesses have cosigned last, and be fresh. One line for each look; whatever is wrong with it ' +
    'stands below. When the log has signed two histories, --evidence gets the proof, which anybody can check with ' +
    '`taper log verify`; from then on no look is good again.\n\n' +
    'It runs until it is stopped and exits with 1 when any look was bad; with --once it looks once, and exits with 0 only when the ' +
    'log is good.',
  operands: [LOG_OPERAND],
  options: [
    requiredOption('--seen <file>', 'what was seen last; made when it is not there'),
    logFileOption,
    valueOption('--evidence <file>', 'where proof of two histories is written'),
    valueOption('--interval <duration>', 'time between two looks (default: 60s)'),
    valueOption(
      '--max-age <duration>',
      'how long nobody may vouch for the log (default: any time)',
    ),
    flagOption('--entries', 'also read every new entry'),
    flagOption('--once', 'look once, for a scheduler'),
    stateOption,
  ],
  examples: [
    {
      line: 'taper log monitor https://log.example.com/authority --log authority.json \\\n--seen authority.seen --max-age 5m --evidence authority.evidence',
      does: 'Until it is stopped.',
    },
  ],
  async run([name], options, session) {
    const interval = parseDuration(options.interval ?? '60s', '--interval');
    const maxAge =
      options.maxAge === undefined ? undefined : parseDuration(options.maxAge, '--max-age');
    const place = await openPlace(name as string, options, session);
    const monitor = await withLog(() =>
      createMonitor({
        trust: place.trust,
        source: place.source,
        store: createFileMonitorStore(resolve(session.io.cwd, options.seen)),
        clock: { now: session.io.clock },
        views: viewsOf(place),
        ...(maxAge === undefined ? {} : { maxAge }),
        ...(options.entries === true ? { onEntry: () => undefined } : {}),
      }),
    );
    const look = async (): Promise<MonitorReport> => {
      const report = await withLog(() => monitor.look());
      await keepEvidence(report, options.evidence, session);
      return report;
    };
    if (options.once === true) return outcomeOf(await look(), place, session);
    let isBad = false;
    for (;;) {
      const report = await look();
      isBad ||= report.verdict === 'bad';
      const { text, json } = outcomeOf(report, place, session);
      const goesOn = await session.io.stdout.write(session.json ? jsonLine(json) : text);
      if (!goesOn || !(await pause(interval, session.io.stopped))) break;
    }
    return { exitCode: isBad ? 1 : 0, text: '', json: undefined, notes: ['stopped'] };
  },
});

function outcomeOf(report: MonitorReport, { trust }: LogFile, session: Session): Outcome {
  const now = session.io.clock();
  const paint = paintFor(session.io.stdout.isTerminal, session.io.env);
  return {
    exitCode: report.verdict === 'good' ? 0 : 1,
    text: monitorText(report, now, trust.quorum, paint),
    json: monitorObject(report, now),
  };
}

/** Witnesses whose address is known. */
function viewsOf({ trust, witnesses }: LogFile): readonly CheckpointView[] {
  return witnesses.flatMap(({ key, url }) =>
    url === undefined ? [] : [createWitnessView({ url, key, origin: trust.origin })],
  );
}

/** The first proof is kept: a later one replaces none. */
async function keepEvidence(
  { findings }: MonitorReport,
  path: string | undefined,
  session: Session,
): Promise<void> {
  const evidence = findings.find((each) => each.evidence !== undefined)?.evidence;
  if (evidence === undefined || path === undefined) return;
  const text = `${jsonText(evidence, 2)}\n`;
  try {
    await writeFiles([{ path, text, secret: false }], false, session);
    await session.warn('log_forked', `wrote ${showName(path)}: proof of two histories`);
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'file_exists')) throw cause;
  }
}

/** Resolves to false when the command is to stop. */
async function pause(seconds: number, stopped: AbortSignal | undefined): Promise<boolean> {
  if (stopped?.aborted === true) return false;
  return new Promise((resolve) => {
    const stop = (): void => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      stopped?.removeEventListener('abort', stop);
      resolve(true);
    }, seconds * 1000);
    stopped?.addEventListener('abort', stop, { once: true });
  });
}
