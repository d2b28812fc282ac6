import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { LeftByHand } from '@taper/authority';
import { readHome } from '../authority/home.ts';
import { type RestoredHome, restoreHome } from '../authority/restore-home.ts';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { Failure } from '../failure.ts';
import { withLog } from '../log/failure.ts';
import { valueOption } from '../option.ts';
import type { Session } from '../session.ts';
import { quoteText } from '../text/escape.ts';
import { shellQuote } from '../text/shell.ts';
import { formatTime } from '../text/time.ts';

interface RestoreOptions {
  readonly dir?: string;
  readonly from?: string;
  readonly anchors?: string;
}

export const restore: AnyCommand = defineCommand<RestoreOptions>({
  name: 'restore',
  summary: 'make the store of an authority anew from its log',
  description:
    'For the day on which authority.sqlite is lost or damaged. The folder needs taper.json and keys/, from their backup, and the log: ' +
    'its own, which is checked byte by byte, or with --from the newest copy that anybody has. The checkpoint must be signed by the log ' +
    'and by all its witnesses. Agents, their keys and states, enrolments, issuances, administrators and peers are then as the log says; ' +
    'what it does not say enough of (the text of grants) is named, and is to be done again.\n\n' +
    'Nothing is overwritten, and nothing is there before all of it is. The authority must not run.',
  operands: [],
  options: [
    valueOption('--dir <folder>', 'folder of the authority (default: this one)'),
    valueOption('--from <log>', 'folder or address of a copy of the log (default: its own log)'),
    valueOption(
      '--anchors <file>',
      'trust anchors that were published last (default: anchors.json of the folder)',
    ),
  ],
  examples: [
    { line: 'taper restore --dir authority', does: 'The store is lost, the log is whole.' },
    {
      line: 'taper restore --dir authority --from https://mirror.example/log',
      does: 'Both are lost, and a mirror has the log.',
    },
  ],
  async run(_, { dir, from, anchors }, session) {
    const folder = resolve(session.io.cwd, dir ?? '.');
    const config = await readHome(folder);
    if (config === undefined)
      throw new Failure('usage', 'there is no taper.json in this folder', {
        field: '--dir',
        hint: 'Bring taper.json, keys/ and the passphrase back from their backup first, and name that folder.',
      });
    const problems: unknown[] = [];
    const restored = await withLog(() =>
      restoreHome({
        folder,
        config,
        ...(from === undefined ? {} : { from: placeOf(from, session) }),
        ...(anchors === undefined ? {} : { anchors: resolve(session.io.cwd, anchors) }),
        clock: session.io.clock,
        random: (length) => new Uint8Array(randomBytes(length)),
        onFailure: (cause) => void problems.push(cause),
      }),
    );
    const byHand = latestOfEach(restored.byHand);
    return {
      exitCode: 0,
      text: textOf(restored, byHand, dir),
      json: {
        entries: restored.entries,
        until: restored.until === undefined ? null : formatTime(restored.until),
        agents: restored.agents,
        brought_log: restored.broughtLog,
        by_hand: byHand.map(({ last: { sequence, event, time, subject }, count }) => ({
          event,
          count,
          sequence,
          time: formatTime(time),
          subject,
        })),
      },
    };
  },
});

function placeOf(from: string, session: Session): string {
  return /^https?:\/\//.test(from) ? from : resolve(session.io.cwd, from);
}

interface Left {
  readonly last: LeftByHand;
  readonly count: number;
}

/** Of each kind the last one counts: what came before it is over. */
function latestOfEach(byHand: readonly LeftByHand[]): readonly Left[] {
  const found = new Map<string, Left>();
  for (const last of byHand)
    found.set(last.event, { last, count: (found.get(last.event)?.count ?? 0) + 1 });
  return [...found.values()];
}

function textOf(restored: RestoredHome, byHand: readonly Left[], dir: string | undefined): string {
  const { entries, until, agents, broughtLog } = restored;
  const where = dir === undefined ? '' : ` --dir ${shellQuote(dir)}`;
  const end = until === undefined ? '' : `, up to ${formatTime(until)}`;
  const lines = [
    `restored ${entries} entries of the log${end}: ${agents} agents`,
    ...(broughtLog
      ? ['the log was brought here: was anything done after that time? Then a newer copy is needed']
      : []),
    ...byHand.map(({ last, count }) => {
      const at = `entry ${last.sequence}, ${formatTime(last.time)}`;
      return last.event === 'grants.applied'
        ? `by hand: nothing is granted until you say it again: taper grant apply FILE${where}  (${at})`
        : `by hand: ${quoteText(last.event)}, ${count} times; the last is ${at}`;
    }),
    `by hand: what waited for approval is to be asked for again`,
    `then start it: taper up${where}`,
  ];
  return `${lines.join('\n')}\n`;
}
