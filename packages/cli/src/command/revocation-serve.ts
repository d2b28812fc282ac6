import { join, resolve } from 'node:path';
import type { PublicKey } from '@taper/core';
import { createLogHandler, createRevocationService, openRevocationAuthority } from '@taper/log';
import { createFileRevocationStateStore } from '@taper/log/file';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { Failure } from '../failure.ts';
import { readAnchors } from '../file/anchors.ts';
import { readPublicHalf, readSigner } from '../file/key.ts';
import { withLog } from '../log/failure.ts';
import { listenOption, serveUntilStopped } from '../log/listen.ts';
import { readLogFile } from '../log/log-file.ts';
import { folderSource, LOG_FILE, stateFolder, stateOption, TILES } from '../log/place.ts';
import { withWriter } from '../log/writer.ts';
import { anchorsOption, listOption, requiredOption, valueOption } from '../option.ts';
import { showName } from '../text/escape.ts';

interface RevocationServeOptions {
  readonly logKey: string;
  readonly authorityKey: string;
  readonly formerKey?: readonly string[];
  readonly anchors: readonly string[];
  readonly interval?: string;
  readonly listen?: string;
  readonly state?: string;
}

/** In the folder of the log: what the authority has made of it, so that it starts quickly. */
const AUTHORITY_STATE = 'revocation-state';

export const revocationServe: AnyCommand = defineCommand<RevocationServeOptions>({
  name: 'revocation serve',
  summary: 'run a revocation log: take requests in, publish epochs, serve both',
  description:
    'Runs the authority of a revocation log on one machine: checks requests and has what they revoke in the log, publishes an ' +
    'epoch record every second, and serves the log (checkpoint, tiles) and the service (requests, tail, events, snapshot, ' +
    'staples) on one address. `taper log init` makes the folder.\n\n' +
    'The key that signs checkpoints and the key of the authority are two keys, and neither is an anchor’s.',
  operands: [{ term: '<folder>', description: 'folder of the log' }],
  options: [
    requiredOption('--log-key <file>', 'private key of the log, which signs checkpoints'),
    requiredOption(
      '--authority-key <file>',
      'private key of the authority, which signs what is revoked',
    ),
    listOption('--former-key <file>', 'public key that the authority used before; may be repeated'),
    anchorsOption,
    valueOption('--interval <milliseconds>', 'time between epoch records (default: 1000)'),
    listenOption,
    stateOption,
  ],
  examples: [
    {
      line:
        'taper revocation serve revocations --log-key log.jwk \\\n' +
        '--authority-key authority.jwk --anchors anchors.json',
      does: 'Until it is stopped.',
    },
  ],
  async run([folder], options, session) {
    const place = resolve(session.io.cwd, folder as string);
    const interval = parseInterval(options.interval);
    const file = await readLogFile(join(folder as string, LOG_FILE), session);
    const signer = await readSigner(options.logKey, '--log-key', session);
    const authoritySigner = await readSigner(options.authorityKey, '--authority-key', session);
    const formerKeys: PublicKey[] = [];
    for (const path of options.formerKey ?? [])
      formerKeys.push(await readPublicHalf(path, session));
    const anchors = await readAnchors(options.anchors, session);

    const { state } = options;
    return withWriter(
      { place: folder as string, file, signer, state, create: false },
      session,
      (log) =>
        withLog(async () => {
          const authority = await openRevocationAuthority({
            log,
            signer: authoritySigner,
            formerKeys,
            anchors,
            clock: session.io.clock,
            interval,
            state: createFileRevocationStateStore(join(place, AUTHORITY_STATE)),
            onFailure: (cause) => void session.warn('log_unavailable', messageOf(cause)),
          });
          const service = createRevocationService({ log, authority });
          const tiles = createLogHandler({
            tiles: folderSource(join(place, TILES), stateFolder(place, state, session)),
            checkpoint: () => log.checkpoint(),
          });
          authority.start();
          try {
            await serveUntilStopped(
              (request) => (isOfLog(request) ? tiles(request) : service(request)),
              options.listen,
              `revocation log ${showName(log.origin)}`,
              session,
            );
          } finally {
            await authority.close();
          }
          const epoch = authority.state.epoch?.record.epoch ?? 0;
          const notes = [`stopped after epoch ${epoch}`];
          return { exitCode: 0, text: '', json: { size: log.size, epoch }, notes };
        }),
    );
  },
});

function isOfLog({ url }: Request): boolean {
  const { pathname } = new URL(url);
  return pathname === '/checkpoint' || pathname.startsWith('/tile/');
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function parseInterval(text: string | undefined): number {
  if (text === undefined) return 1000;
  if (/^[1-9][0-9]{0,6}$/.test(text)) return Number(text);
  throw new Failure('usage', '--interval is not a whole number of milliseconds', {
    field: '--interval',
    hint: 'Such as 1000, for an epoch every second.',
  });
}
