import { join, resolve } from 'node:path';
import { createLogHandler } from '@taper/log';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { withLog } from '../log/failure.ts';
import { listenOption, serveUntilStopped } from '../log/listen.ts';
import { readLogFile } from '../log/log-file.ts';
import { folderSource, LOG_FILE, stateFolder, stateOption, TILES } from '../log/place.ts';
import { valueOption } from '../option.ts';
import { showName } from '../text/escape.ts';

interface LogServeOptions {
  readonly state?: string;
  readonly listen?: string;
  readonly prefix?: string;
}

export const logServe: AnyCommand = defineCommand<LogServeOptions>({
  name: 'log serve',
  summary: 'serve a log over HTTP (C2SP tlog-tiles)',
  description:
    'Serves checkpoint, tiles and entry bundles of a log to anybody who asks, and nothing else. It only reads, and needs no key: ' +
    'run it beside the writer. It speaks HTTP; put a server that speaks HTTPS in front of it.',
  operands: [{ term: '<folder>', description: 'folder of the log' }],
  options: [
    listenOption,
    valueOption('--prefix <path>', 'path under which the log is served, such as /authority'),
    stateOption,
  ],
  examples: [
    { line: 'taper log serve authority --listen 127.0.0.1:8080', does: 'Until it is stopped.' },
  ],
  async run([place], { state, listen, prefix }, session) {
    const folder = resolve(session.io.cwd, place as string);
    const { trust } = await readLogFile(join(place as string, LOG_FILE), session);
    const source = folderSource(join(folder, TILES), stateFolder(folder, state, session));
    const handler = await withLog(() =>
      createLogHandler({
        tiles: source,
        async checkpoint() {
          const bytes = await source.read('checkpoint');
          return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
        },
        onFailure: (cause) => void session.warn('log_unavailable', messageOf(cause)),
        ...(prefix === undefined ? {} : { prefix }),
      }),
    );
    await serveUntilStopped(handler, listen, `serving ${showName(trust.origin)}`, session);
    return { exitCode: 0, text: '', json: undefined, notes: ['stopped'] };
  },
});

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
