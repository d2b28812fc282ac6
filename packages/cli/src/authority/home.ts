import { randomInt, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import {
  createHybridKeyFile,
  createKeyFile,
  createPassphraseFile,
  passphraseFile,
  type ScryptCost,
} from '@taper/authority/keys';
import { generateKeyPair, type JsonObject, KeyStoreError } from '@taper/core';
import { Failure } from '../failure.ts';
import { publicDocument } from '../file/key.ts';
import { jsonText, showName } from '../text/escape.ts';
import { type AuthorityConfig, configDocument, parseConfig } from './config.ts';
import { keyPlaces, pathOf } from './key-places.ts';

/** In the folder of an authority. */
export const HOME_FILES = {
  config: 'taper.json',
  keys: 'keys',
  passphrase: 'passphrase',
  store: 'authority.sqlite',
  log: 'log',
  audit: 'audit.log',
  auditKey: 'audit.public.json',
  witness: 'witness.sqlite',
  anchors: 'anchors.json',
  logFile: 'log.json',
  administratorKey: 'administrator.key.json',
  administratorPublicKey: 'administrator.public.json',
  administratorChain: 'administrator.chain.json',
  lock: '.lock',
} as const;

/** One key for each purpose, and never one for two. */
export const KEY_PURPOSES = ['root', 'identity', 'authority', 'log', 'witness', 'audit'] as const;
export type KeyPurpose = (typeof KEY_PURPOSES)[number];

/** Stands in a folder that is being made: without a configuration, what lies there has never been used and is made again. */
const UNFINISHED = '.unfinished';

/** The second half of a hybrid root key. */
const HYBRID_FILE = 'keys/root.hybrid.json';

/** Against a passphrase of 256 random bits, stretching it adds nothing. */
export const QUICK: ScryptCost = { n: 2 ** 14, r: 8, p: 1 };

export interface MakeHomeOptions {
  /** The first of three ports: authority, witness, management. 0 takes free ones. Default 8460. */
  readonly port?: number;
  /** URL as clients reach it. Default: `http://127.0.0.1:<port>`. */
  readonly issuer?: string;
  readonly trustDomain?: string;
  /** PostgreSQL that several nodes share. */
  readonly database?: string;
  /** `keys` of the configuration: where those are kept that no file is made for. */
  readonly keys?: JsonObject;
  /** Whether the root key is two, and every root carries two signatures (spec/hybrid-roots.md). Not together with `keys.root`. */
  readonly hybrid?: boolean;
}

/** The configuration in a folder; `undefined` where there is none. @throws {Failure} `config_malformed`, `json_invalid`, `file_unreadable`. */
export async function readHome(folder: string): Promise<AuthorityConfig | undefined> {
  const path = join(folder, HOME_FILES.config);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new Failure('file_unreadable', `cannot read ${showName(path)}: ${code}`, {
      file: showName(path),
      hint: 'Name the folder that `taper up` made.',
    });
  }
  const config = parseConfig(text, showName(path));
  await rm(join(folder, UNFINISHED), { force: true });
  return config;
}

/**
 * Makes keys, passphrase, first administrator and configuration in an empty folder. The configuration is written last: until it is
 * there, nothing has been made, and the next attempt begins anew.
 * @throws {Failure} `folder_foreign` when there is something else in it; `file_unwritable`.
 */
export async function makeHome(
  folder: string,
  options: MakeHomeOptions = {},
): Promise<AuthorityConfig> {
  const keys: JsonObject = {
    ...options.keys,
    ...(options.hybrid === true ? { root: { driver: 'file', hybrid_file: HYBRID_FILE } } : {}),
  };
  const places = keyPlaces({ keys });
  await guarded(folder, async () => {
    await mkdir(folder, { recursive: true });
    const found = (await readdir(folder)).filter((name) => name !== HOME_FILES.lock);
    if (found.includes(UNFINISHED)) await clearUnfinished(folder, found);
    else if (found.length > 0)
      throw new Failure(
        'folder_foreign',
        `${showName(folder)} is not empty, and holds no authority`,
        {
          file: showName(folder),
          hint: 'Name an empty folder or a new one: taper up --dir authority',
        },
      );
    await writePlain(folder, UNFINISHED, '');
    await createPassphraseFile(join(folder, HOME_FILES.passphrase));
    await mkdir(join(folder, HOME_FILES.keys), { mode: 0o700 });
    const passphrase = passphraseFile(join(folder, HOME_FILES.passphrase));
    const files = KEY_PURPOSES.map((purpose) =>
      purpose === 'root' ? places.root.key : places[purpose],
    ).flatMap((place) => (place.driver === 'file' ? [pathOf(folder, place.path)] : []));
    for (const path of files.filter((each) => !existsSync(each)))
      await createKeyFile({ path, passphrase, cost: QUICK });
    const { hybridFile } = places.root;
    const second = hybridFile === undefined ? undefined : pathOf(folder, hybridFile);
    if (second !== undefined && !existsSync(second))
      await createHybridKeyFile({ path: second, passphrase, cost: QUICK });
    const { privateJwk, publicKey } = generateKeyPair();
    const shown = jsonText(publicDocument(publicKey), 2);
    await writePlain(folder, HOME_FILES.administratorKey, `${jsonText(privateJwk)}\n`, 0o600);
    await writePlain(folder, HOME_FILES.administratorPublicKey, `${shown}\n`);
  });
  const config = { ...(await newConfig(options)), keys };
  await replaceConfig(folder, config);
  await guarded(folder, () => rm(join(folder, UNFINISHED), { force: true }));
  return config;
}

/** Writes the configuration anew, in one step. @throws {Failure} `file_unwritable`. */
export async function replaceConfig(folder: string, config: AuthorityConfig): Promise<void> {
  // The address of a database has a password in it.
  await guarded(folder, () =>
    writeWhole(folder, HOME_FILES.config, `${jsonText(configDocument(config), 2)}\n`, 0o600),
  );
}

/** Writes a file in one step, in place of what has the name. @throws {Failure} `file_unwritable`. */
export async function replaceFile(folder: string, name: string, text: string): Promise<void> {
  await guarded(folder, () => writeWhole(folder, name, text));
}

async function newConfig({
  port = 8460,
  issuer,
  trustDomain = 'taper.localhost',
  database,
}: MakeHomeOptions): Promise<AuthorityConfig> {
  const ports = port === 0 ? await freePorts(3) : [port, port + 1, port + 2];
  const [listen, witness, management] = ports.map((each) => `127.0.0.1:${each}`) as [
    string,
    string,
    string,
  ];
  const id = Buffer.from(crypto.getRandomValues(new Uint8Array(6))).toString('hex');
  return {
    issuer: issuer ?? `http://${listen}`,
    trustDomain,
    listen,
    // The state of a witness is its own: nodes that share a log do not each bring one.
    witnessListen: database === undefined ? witness : undefined,
    managementListen: management,
    // Never the same twice: whoever follows one log must not take another for it.
    logOrigin: `${trustDomain}/authority/${id}`,
    witnessName: `${trustDomain}/witness/${id}`,
    passphraseFile: HOME_FILES.passphrase,
    keys: {},
    database,
    advertise: undefined,
    witnesses: [],
    requestsPerSecond: 200,
    trustedProxies: 0,
    logLevel: 'warn',
    approvers: {},
    trustedIssuers: [],
    foreign: [],
  };
}

/** Nothing that was made before the configuration was ever used. */
async function clearUnfinished(folder: string, found: readonly string[]): Promise<void> {
  const { passphrase, keys, administratorKey, administratorPublicKey } = HOME_FILES;
  const ours = [passphrase, keys, administratorKey, administratorPublicKey] as const;
  for (const name of found)
    if (
      (ours as readonly string[]).includes(name) ||
      /^\.?taper\.json.*\.new(?:-[0-9a-f-]{36})?$/.test(name)
    )
      await rm(join(folder, name), { recursive: true, force: true });
}

/** Below the ports that systems take for connections going out: one that is free now is so at the next start, too. */
async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(10_000, 32_768);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

async function writePlain(folder: string, name: string, text: string, mode = 0o644): Promise<void> {
  const file = await open(join(folder, name), 'w', mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function writeWhole(folder: string, name: string, text: string, mode = 0o644): Promise<void> {
  // Of several at once each has a file of its own, and the last one counts.
  const beside = `${name}.new-${randomUUID()}`;
  try {
    await writePlain(folder, beside, text, mode);
    await rename(join(folder, beside), join(folder, name));
  } catch (cause) {
    await rm(join(folder, beside), { force: true });
    throw cause;
  }
}

/** @throws {Failure} `file_unwritable` for what the disk says. */
async function guarded(folder: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    // A key that cannot be written says so by what the disk said.
    const said = cause instanceof KeyStoreError ? cause.cause : cause;
    const code = (said as NodeJS.ErrnoException | undefined)?.code;
    if (cause instanceof Failure || code === undefined || !/^E[A-Z]+$/.test(code)) throw cause;
    throw new Failure('file_unwritable', `cannot write in ${showName(folder)}: ${code}`, {
      file: showName(folder),
      hint: 'The folder must have room and be writable for you. Run it again then: nothing is half done.',
    });
  }
}
