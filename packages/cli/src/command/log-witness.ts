import { resolve } from 'node:path';
import { parseNoteKey } from '@taper/core';
import { createWitness, type RefusedCheckpoint, type WitnessedLog } from '@taper/log';
import { openSqliteWitnessStore } from '@taper/log/sqlite';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { Failure } from '../failure.ts';
import { withLog } from '../log/failure.ts';
import { listenOption, serveUntilStopped } from '../log/listen.ts';
import { readLogFile } from '../log/log-file.ts';
import { namedKey, readNoteSigner } from '../log/note-key.ts';
import { flagOption, listOption, requiredOption, valueOption } from '../option.ts';
import { jsonLine, writeAside } from '../report.ts';
import type { Session } from '../session.ts';
import { escapeText, showName } from '../text/escape.ts';

interface LogWitnessOptions {
  readonly name: string;
  readonly key: string;
  readonly state: string;
  readonly log?: readonly string[];
  readonly vkey?: readonly string[];
  readonly listen?: string;
  readonly prefix?: string;
  readonly showKey?: boolean;
}

/** Refusals that are remembered as told. */
const MOST_TOLD = 1000;

export const logWitness: AnyCommand = defineCommand<LogWitnessOptions>({
  name: 'log witness',
  summary: 'run a witness, which cosigns what only grows',
  description:
    'Serves C2SP tlog-witness: add-checkpoint for the writers of logs, and what was last cosigned for everybody. It cosigns a ' +
    'checkpoint when a log that is named here has signed it and it is proved to contain all that was cosigned before. It remembers ' +
    'first and answers then; several may share one --state.\n\n' +
    'A witness is worth something when somebody else runs it than the log. Its state must never be restored from a backup.',
  operands: [],
  options: [
    requiredOption('--name <name>', 'name of the witness: a URL without scheme'),
    requiredOption('--key <file>', 'private Ed25519 key, for this witness alone'),
    requiredOption('--state <file>', 'what was cosigned; made when it is not there'),
    listOption('--log <file>', 'log file of a log that is witnessed; may be repeated'),
    listOption(
      '--vkey <origin=vkey>',
      'the same without a file; keys of one origin are taken together',
    ),
    listenOption,
    valueOption('--prefix <path>', 'path under which the witness is served'),
    flagOption('--show-key', 'print the verifier key of the witness and end'),
  ],
  examples: [
    {
      line: 'taper log witness --name witness.example/w1 --key witness.jwk --state witness.db \\\n--log authority.json',
      does: 'A witness for one log.',
    },
  ],
  async run(_, options, session) {
    const { name, key, state, listen, prefix } = options;
    const signer = await readNoteSigner(key, session);
    const vkey = namedKey(name, signer, 4, '--name').text;
    if (options.showKey === true) return { exitCode: 0, text: `${vkey}\n`, json: { name, vkey } };
    const logs = await readLogs(options, session);
    const store = await withLog(() => openSqliteWitnessStore(resolve(session.io.cwd, state)));
    try {
      const witness = await withLog(() =>
        createWitness({
          name,
          signer,
          logs,
          store,
          clock: { now: session.io.clock },
          onRefused: tellOnce((refused) => void tellRefused(refused, session)),
          onFailure: (cause) =>
            void session.warn('store_unusable', cause instanceof Error ? cause.message : 'failed'),
          ...(prefix === undefined ? {} : { prefix }),
        }),
      );
      await serveUntilStopped(witness.fetch, listen, `witness ${vkey}`, session);
    } finally {
      store.close();
    }
    return { exitCode: 0, text: '', json: undefined, notes: ['stopped'] };
  },
});

/** @throws {Failure} `usage` when no log is named. */
async function readLogs(
  { log = [], vkey = [] }: LogWitnessOptions,
  session: Session,
): Promise<readonly WitnessedLog[]> {
  const byOrigin = new Map<string, WitnessedLog>();
  const add = ({ origin, keys }: WitnessedLog): void => {
    byOrigin.set(origin, { origin, keys: [...(byOrigin.get(origin)?.keys ?? []), ...keys] });
  };
  for (const path of log) add((await readLogFile(path, session)).trust);
  for (const text of vkey) {
    const at = text.indexOf('=');
    const key = parseNoteKey(text.slice(at + 1));
    if (at < 1 || key?.type !== 1)
      throw new Failure('usage', `--vkey is no origin and verifier key: ${showName(text)}`, {
        field: '--vkey',
        hint: 'Write "origin=vkey", such as "go.sum database tree=sum.golang.org+033de0ae+…".',
      });
    add({ origin: text.slice(0, at), keys: [key] });
  }
  if (byOrigin.size > 0) return [...byOrigin.values()];
  throw new Failure('usage', 'a witness needs a log: give --log or --vkey', {
    field: '--log',
    hint: 'It cosigns nothing of logs that are not named.',
  });
}

/** What was told before is not told again: anybody can show it any number of times. */
function tellOnce(
  tell: (refused: RefusedCheckpoint) => void,
): (refused: RefusedCheckpoint) => void {
  const told = new Set<string>();
  return (refused) => {
    const { why, held, shown } = refused;
    const text = `${why} ${held} ${shown}`;
    if (told.has(text)) return;
    if (told.size >= MOST_TOLD) told.clear();
    told.add(text);
    tell(refused);
  };
}

/** On standard error, whole: it may be proof against the log. */
async function tellRefused(refused: RefusedCheckpoint, session: Session): Promise<void> {
  const { origin, why, held, shown } = refused;
  if (session.json) {
    await writeAside(session.io, jsonLine({ refused: { origin, why, held: held ?? null, shown } }));
    return;
  }
  const text = [`held:\n${held ?? '(nothing)\n'}`, `shown:\n${shown}`].join('');
  const lines = text.split('\n').map((line) => `  ${escapeText(line)}`.trimEnd());
  await writeAside(
    session.io,
    `taper: warning: refused a signed checkpoint of ${showName(origin)} (${why})\n${lines.join('\n').trimEnd()}\n`,
  );
}
