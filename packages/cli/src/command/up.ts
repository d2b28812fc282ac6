import { resolve } from 'node:path';
import type { JsonObject } from '@taper/core';
import { HOME_FILES, makeHome, readHome } from '../authority/home.ts';
import { startAuthority } from '../authority/node.ts';
import { keepAnchorsFile, writeStandingFiles } from '../authority/standing-files.ts';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { Failure } from '../failure.ts';
import { isObject, kindOf, parseJsonInput } from '../file/json.ts';
import { readInline } from '../file/read.ts';
import { withLog } from '../log/failure.ts';
import { untilAborted } from '../log/listen.ts';
import { flagOption, valueOption } from '../option.ts';
import { jsonLine, writeAside } from '../report.ts';
import type { Session } from '../session.ts';
import { shellQuote } from '../text/shell.ts';

interface UpOptions {
  readonly dir?: string;
  readonly port?: string;
  readonly issuer?: string;
  readonly trustDomain?: string;
  readonly database?: string;
  readonly keys?: string;
  readonly hybrid?: boolean;
}

export const up: AnyCommand = defineCommand<UpOptions>({
  name: 'up',
  summary: 'start an authority on this machine, with nothing to configure',
  description:
    'In an empty folder it makes everything that an authority needs: keys, a store, a log with a witness, a first administrator. ' +
    'Then, and whenever it is called again, it starts the authority there and serves until it is stopped (SIGINT, SIGTERM). It ' +
    'listens on this machine alone; what it listens on and what it is called stands in taper.json.\n\n' +
    'The private keys are sealed with a passphrase that lies beside them. Before others depend on this authority, move the ' +
    'passphrase elsewhere, and keep a copy of both.',
  operands: [],
  options: [
    valueOption('--dir <folder>', 'folder of the authority (default: this one)'),
    valueOption(
      '--port <number>',
      'first of three ports, when the folder is made; 0 takes free ones (default: 8460)',
    ),
    valueOption('--issuer <url>', 'URL as clients reach it, when the folder is made'),
    valueOption('--trust-domain <name>', 'SPIFFE trust domain, when the folder is made'),
    valueOption('--database <url>', 'PostgreSQL that several nodes share, when the folder is made'),
    valueOption(
      '--keys <json|@file|->',
      'where keys are kept that are in no file, when the folder is made: docs/keys.md',
    ),
    flagOption('--hybrid', 'roots carry an ML-DSA-65 signature too, when the folder is made'),
  ],
  examples: [
    { line: 'taper up --dir authority', does: 'Makes it, starts it, and says what to do next.' },
  ],
  async run(_, options, session) {
    const folder = resolve(session.io.cwd, options.dir ?? '.');
    const found = await readHome(folder);
    const given = ['port', 'issuer', 'trustDomain', 'database', 'keys', 'hybrid'] as const;
    const late = given.find((name) => found !== undefined && options[name] !== undefined);
    if (late !== undefined) {
      const option = late === 'trustDomain' ? '--trust-domain' : `--${late}`;
      throw new Failure('usage', `${option} is for a folder that is made`, {
        field: option,
        hint: 'This one is there already: change taper.json, and start again.',
      });
    }
    const { issuer, trustDomain, database, hybrid = false } = options;
    const keys = options.keys === undefined ? undefined : await readKeys(options.keys, session);
    if (hybrid && keys?.['root'] !== undefined)
      throw new Failure('usage', '--hybrid is for a root key in a file', {
        field: '--hybrid',
        hint: 'In `keys`, name the file of the second key as hybrid_file.',
      });
    const config =
      found ??
      (await makeHome(folder, {
        ...(options.port === undefined ? {} : { port: parsePort(options.port) }),
        ...(issuer === undefined ? {} : { issuer }),
        ...(trustDomain === undefined ? {} : { trustDomain }),
        ...(database === undefined ? {} : { database }),
        ...(keys === undefined ? {} : { keys }),
        hybrid,
      }));
    const { io } = session;
    const running = await withLog(() =>
      startAuthority({
        folder,
        config,
        clock: io.clock,
        writeLog: (line) => void io.stderr.write(line).catch(() => false),
      }),
    );
    let stopKeeping = (): void => {};
    try {
      // From here on it can be stopped: whoever reads that it listens may do so at once.
      const { stopped } = io;
      const isNew = await withLog(() => writeStandingFiles(folder, running, io.clock()));
      stopKeeping = keepAnchorsFile(folder, running);
      const { url, witnessUrl, managementUrl } = running;
      const where = options.dir === undefined ? '' : ` --dir ${shellQuote(options.dir)}`;
      const lines = [
        `${isNew ? 'made and started' : 'started'} the authority ${config.issuer}; stop it with Ctrl-C`,
        `admit an agent:    taper agent enrol desk --tenant acme --key desk.jwk${where}`,
        `grant it tools:    taper grant apply grants.yaml${where}`,
        `get a root:        taper token request --key desk.jwk --tools @tools.json --authority ${config.issuer}`,
        `verify with ${HOME_FILES.anchors}; administer with ${HOME_FILES.administratorKey}, which is here and nowhere else`,
      ];
      await writeAside(
        io,
        session.json
          ? jsonLine({
              listening: url,
              issuer: config.issuer,
              witness: witnessUrl,
              management: managementUrl,
              made: isNew,
            })
          : `${lines.join('\n')}\n`,
      );
      await untilAborted(stopped);
    } finally {
      stopKeeping();
      await running.close();
    }
    return { exitCode: 0, text: '', json: { stopped: true }, notes: ['stopped'] };
  },
});

async function readKeys(value: string, session: Session): Promise<JsonObject> {
  const input = await readInline(value, '--keys', session);
  const keys = parseJsonInput(input);
  if (isObject(keys)) return keys;
  throw new Failure('config_malformed', `${input.source} is ${kindOf(keys)} and not an object`, {
    file: input.source,
    field: 'keys',
    hint: 'docs/keys.md shows where keys can be kept.',
  });
}

function parsePort(text: string): number {
  if (/^(?:0|[1-9][0-9]{0,4})$/.test(text) && Number(text) <= 65_533) return Number(text);
  throw new Failure('usage', '--port is no number of a port', {
    field: '--port',
    hint: 'Such as 8460: the authority listens there, its witness and its management on the next two.',
  });
}
