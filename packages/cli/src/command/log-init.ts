import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseNoteKey } from '@taper/core';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { Failure } from '../failure.ts';
import { writeFiles } from '../file/write.ts';
import { type LogFile, type LogWitness, logDocument } from '../log/log-file.ts';
import { namedKey, readNoteSigner } from '../log/note-key.ts';
import { LOG_FILE, stateOption } from '../log/place.ts';
import { publish, withWriter } from '../log/writer.ts';
import { listOption, requiredOption, valueOption } from '../option.ts';
import { jsonText, showName } from '../text/escape.ts';

interface LogInitOptions {
  readonly origin: string;
  readonly key: string;
  readonly state?: string;
  readonly witness?: readonly string[];
  readonly quorum?: string;
}

export const logInit: AnyCommand = defineCommand<LogInitOptions>({
  name: 'log init',
  summary: 'make a transparency log',
  description:
    'Makes a log in a folder of its own, with a signed checkpoint of no entries, and log.json: the origin and keys that its ' +
    'readers need. Prints its verifier key.\n\n' +
    'A log is known by its origin and its key; both are for this log alone, for ever. Keep the checkpoint of the writer (--state) ' +
    'on a disk that is never restored from a backup: with an old one the log would sign a second history, which is refused.',
  operands: [{ term: '<folder>', description: 'a folder that does not exist yet' }],
  options: [
    requiredOption('--origin <name>', 'name of the log: a URL without scheme'),
    requiredOption('--key <file>', 'private Ed25519 key, for this log alone'),
    stateOption,
    listOption('--witness <vkey=url>', 'a witness that is asked to cosign; may be repeated'),
    valueOption('--quorum <n>', 'how many witnesses must cosign (default: all)'),
  ],
  examples: [
    {
      line: 'taper log init authority --origin log.example.com/authority --key log.jwk',
      does: 'A log that is believed on the word of its key alone.',
    },
  ],
  async run([place], options, session) {
    const folder = place as string;
    const signer = await readNoteSigner(options.key, session);
    const key = namedKey(options.origin, signer, 1, '--origin');
    const witnesses = (options.witness ?? []).map(readWitness);
    const file: LogFile = {
      trust: {
        origin: options.origin,
        keys: [key],
        witnesses: witnesses.map((each) => each.key),
        quorum: readQuorum(options.quorum, witnesses.length),
      },
      witnesses,
    };
    await makeFolder(resolve(session.io.cwd, folder), folder);
    const document = logDocument(file);
    const text = `${jsonText(document, 2)}\n`;
    await writeFiles([{ path: join(folder, LOG_FILE), text, secret: false }], false, session);
    const writing = { place: folder, file, signer, state: options.state, create: true };
    const problem = await withWriter(writing, session, (log) => publish(log));
    return {
      exitCode: problem === undefined ? 0 : 1,
      text: `${key.text}\n`,
      json: { folder, vkey: key.text, log: document, published: problem === undefined },
      notes: [`made the log ${showName(options.origin)} in ${showName(folder)}`],
      ...(problem === undefined ? {} : { problem }),
    };
  },
});

function readWitness(text: string): LogWitness {
  const at = text.indexOf('=http');
  const key = at === -1 ? undefined : parseNoteKey(text.slice(0, at));
  if (key?.type === 4) return { key, url: text.slice(at + 1) };
  throw new Failure('usage', `--witness is no witness: ${showName(text)}`, {
    field: '--witness',
    hint: 'Write its verifier key, = and its address: "witness.example/w1+…+…=https://witness.example". The shell must not split it.',
  });
}

function readQuorum(text: string | undefined, most: number): number {
  const quorum = text === undefined ? most : Number(text);
  if (/^[0-9]{1,3}$/.test(text ?? '0') && quorum <= most) return quorum;
  throw new Failure('usage', `--quorum is no number from 0 to ${most}`, {
    field: '--quorum',
    hint: 'It is at most the number of witnesses.',
  });
}

async function makeFolder(path: string, name: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o755 });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new Failure(
      code === 'EEXIST' ? 'file_exists' : 'file_unwritable',
      `cannot make the folder ${showName(name)}: ${code === 'EEXIST' ? 'it exists already' : code}`,
      { file: name, hint: 'A log gets a folder of its own, which does not exist yet.' },
    );
  }
}
