import { spawn, spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { promptPassphrase } from '../../src/keys/index.ts';

const hasPython = spawnSync('python3', ['-c', 'import pty']).status === 0;
if (!hasPython)
  console.warn('skipped: no python3, which gives a terminal to the passphrase prompt');

const INDEX = JSON.stringify(new URL('../../src/keys/index.ts', import.meta.url));
const CHILD = (twice: boolean): string => `
  import { promptPassphrase } from ${INDEX};
  try {
    const bytes = await promptPassphrase('Passphrase', { twice: ${twice} })();
    console.log('took=' + Buffer.from(bytes).toString('hex') + ';');
  } catch (error) {
    console.log('threw=' + error.problem + ';');
  }
`;

/** Runs the prompt at a terminal of its own, and types an answer whenever a question stands there. */
const TYPIST = `
import json, os, pty, sys
argv, answers = json.loads(sys.argv[1]), [bytes.fromhex(a) for a in json.loads(sys.argv[2])]
pid, fd = pty.fork()
if pid == 0:
    os.execv(argv[0], argv)
seen, questions = b'', 0
while True:
    try:
        part = os.read(fd, 4096)
    except OSError:
        break
    if not part:
        break
    seen += part
    while questions < len(answers) and seen.count(b': ') > questions:
        os.write(fd, answers[questions])
        questions += 1
os.waitpid(pid, 0)
sys.stdout.buffer.write(seen)
`;

async function type(answers: readonly (string | Buffer)[], twice = false): Promise<string> {
  const argv = [
    process.execPath,
    '--conditions=@taper/source',
    '--input-type=module',
    `--eval=${CHILD(twice)}`,
  ];
  const typed = answers.map((answer) => Buffer.from(answer as string).toString('hex'));
  const child = spawn('python3', ['-c', TYPIST, JSON.stringify(argv), JSON.stringify(typed)]);
  let seen = '';
  child.stdout.on('data', (chunk: Buffer) => {
    seen += chunk.toString('latin1');
  });
  await new Promise((resolve) => child.on('close', resolve));
  return seen;
}

const hex = (text: string): string => Buffer.from(text).toString('hex');

describe('a passphrase is asked for', () => {
  test('at a terminal, and nowhere else', async () => {
    const { status, stdout } = spawnSync(
      process.execPath,
      ['--conditions=@taper/source', '--input-type=module', `--eval=${CHILD(false)}`],
      { input: 'from a pipe\n', encoding: 'utf8' },
    );
    expect({ status, stdout: stdout.trim() }).toEqual({ status: 0, stdout: 'threw=passphrase;' });
    expect(promptPassphrase('Passphrase')).toBeTypeOf('function');
  });

  describe.skipIf(!hasPython)('in a terminal of its own', () => {
    test('and never shown', async () => {
      const seen = await type(['correct horse\r']);
      expect(seen).toContain(`took=${hex('correct horse')};`);
      expect(seen).not.toContain('correct');
    });

    test('with what was deleted left out, a whole character at a time', async () => {
      expect(await type(['ab\x7fc\r'])).toContain(`took=${hex('ac')};`);
      expect(await type(['aé\x7fc\r'])).toContain(`took=${hex('ac')};`);
      expect(await type(['\x7f\x7fa\r'])).toContain(`took=${hex('a')};`);
      expect(await type(['wrong\x15right\r'])).toContain(`took=${hex('right')};`);
    });

    test('until who is asked gives up', async () => {
      expect(await type(['half\x03'])).toContain('threw=passphrase;');
      expect(await type(['\x04'])).toContain('threw=passphrase;');
    });

    test('twice where it is new, and both must be the same', async () => {
      expect(await type(['same one\r', 'same one\r'], true)).toContain(`took=${hex('same one')};`);
      expect(await type(['same one\r', 'other one\r'], true)).toContain('threw=passphrase;');
    });

    test('and one that is longer than any is cut to what no key file accepts', async () => {
      const seen = await type([`${'x'.repeat(1500)}\r`]);
      expect(seen).toContain(`took=${'78'.repeat(1025)};`);
    });
  });
});
