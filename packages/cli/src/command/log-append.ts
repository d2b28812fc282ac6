import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { Failure } from '../failure.ts';
import { readSigner } from '../file/key.ts';
import { readInput, unreadable } from '../file/read.ts';
import { readLogFile } from '../log/log-file.ts';
import { LOG_FILE, stateOption } from '../log/place.ts';
import { publish, withWriter } from '../log/writer.ts';
import { requiredOption, valueOption } from '../option.ts';
import type { Session } from '../session.ts';
import { showName } from '../text/escape.ts';

interface LogAppendOptions {
  readonly key: string;
  readonly state?: string;
  readonly lines?: string;
}

export const logAppend: AnyCommand = defineCommand<LogAppendOptions>({
  name: 'log append',
  summary: 'put entries into a log, and publish them',
  description:
    'Appends files as entries, each as it is and at most 65,535 bytes long, in their order; they are durable when their indexes ' +
    'are printed. Then signs a checkpoint of them, which the witnesses in log.json are asked to cosign. When too few do, the ' +
    'entries are in the log all the same, and the next publication shows them.\n\n' +
    'Without entries it only publishes: so that witnesses vouch anew for a log that is quiet.',
  operands: [
    { term: '<folder>', description: 'folder of the log' },
    { term: '[entries...]', description: 'files, each one entry' },
  ],
  options: [
    requiredOption('--key <file>', 'private key of the log'),
    valueOption('--lines <file>', 'a text whose every line is an entry; - for standard input'),
    stateOption,
  ],
  examples: [
    {
      line: 'taper log append authority event.json --key log.jwk',
      does: 'One more entry.',
    },
  ],
  async run([place, ...paths], options, session) {
    const folder = place as string;
    const file = await readLogFile(join(folder, LOG_FILE), session);
    const signer = await readSigner(options.key, '--key', session);
    const entries = [
      ...(await Promise.all(paths.map((path) => readEntry(path, session)))),
      ...(options.lines === undefined ? [] : await readLines(options.lines, session)),
    ];
    return await withWriter(
      { place: folder, file, signer, state: options.state, create: false },
      session,
      async (log) => {
        const first = entries.length === 0 ? undefined : (await log.appendAll(entries)).index;
        const problem = await publish(log);
        const indexes = entries.map((_, place) => (first ?? 0) + place);
        return {
          exitCode: problem === undefined ? (0 as const) : (1 as const),
          text: indexes.map((index) => `${index}\n`).join(''),
          json: { indexes, size: log.size, published: problem === undefined },
          notes:
            problem === undefined ? [`published ${showName(log.origin)}: ${log.size} entries`] : [],
          ...(problem === undefined ? {} : { problem }),
        };
      },
    );
  },
});

export async function readEntry(path: string, session: Session): Promise<Uint8Array> {
  try {
    if (path === '-')
      return new TextEncoder().encode((await readInput('-', 'entry', session)).text);
    return await readFile(resolve(session.io.cwd, path));
  } catch (cause) {
    throw cause instanceof Failure ? cause : unreadable(path, 'entry', cause);
  }
}

async function readLines(path: string, session: Session): Promise<readonly Uint8Array[]> {
  const { text } = await readInput(path, '--lines', session);
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => new TextEncoder().encode(line));
}
