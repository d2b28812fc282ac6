import type { ReadStream, WriteStream } from 'node:tty';
import { KeyStoreError } from '@taper/core';

export interface PassphrasePromptOptions {
  /** Default `process.stdin`. */
  readonly input?: ReadStream;
  /** Default `process.stderr`: what the process prints may go elsewhere. */
  readonly output?: WriteStream;
  /** Ask twice, for one that is new. */
  readonly twice?: boolean;
}

/** Bytes; one more than any key file accepts, so that none is cut short unnoticed. */
const MAX_TYPED = 1025;
const CONTROL_C = 0x03;
const CONTROL_D = 0x04;
const BACKSPACE = 0x08;
const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const CONTROL_U = 0x15;
const DELETE = 0x7f;

/**
 * Asks for a passphrase at a terminal, without showing what is typed; never a string.
 * @throws {KeyStoreError} `passphrase` where nobody can be asked, both differ, or who was asked gives up.
 */
export function promptPassphrase(
  question: string,
  options: PassphrasePromptOptions = {},
): () => Promise<Uint8Array> {
  const { input = process.stdin as ReadStream, output = process.stderr, twice = false } = options;
  return async () => {
    if (input.isTTY !== true) {
      throw new KeyStoreError('passphrase', 'There is no terminal to ask for the passphrase at.', {
        hint: 'Give it in a file that is for its owner alone.',
      });
    }
    const first = await ask(`${question}: `, input, output);
    if (!twice) return first;
    const second = await ask(`${question}, again: `, input, output);
    const same = Buffer.from(first).equals(second);
    second.fill(0);
    if (same) return first;
    first.fill(0);
    throw new KeyStoreError('passphrase', 'The two passphrases differ.', { hint: 'Start again.' });
  };
}

function ask(question: string, input: ReadStream, output: WriteStream): Promise<Uint8Array> {
  const typed = Buffer.alloc(MAX_TYPED);
  let length = 0;
  return new Promise<Uint8Array>((resolve, reject) => {
    const finish = (end: () => void): void => {
      input.off('data', take).off('end', gone);
      input.setRawMode(false).pause();
      output.write('\n');
      end();
      typed.fill(0);
    };
    const gone = (): void => finish(() => reject(givenUp()));
    const take = (chunk: Buffer): void => {
      for (const [at, byte] of chunk.entries()) {
        if (byte === RETURN || byte === LINE_FEED) {
          // What was typed ahead is for whoever reads next.
          const rest = Buffer.from(chunk.subarray(at + 1));
          finish(() => resolve(Uint8Array.from(typed.subarray(0, length))));
          if (rest.length > 0) input.unshift(rest);
          break;
        }
        if (byte === CONTROL_C || byte === CONTROL_D) {
          gone();
          break;
        }
        length = edit(typed, length, byte);
      }
      chunk.fill(0);
    };
    // Before anybody is asked, so that nothing is ever shown.
    input.setRawMode(true);
    output.write(question);
    input.on('data', take).once('end', gone).resume();
  });
}

/** What one key does: the new length. */
function edit(typed: Buffer, length: number, byte: number): number {
  if (byte === CONTROL_U) return 0;
  if (byte === BACKSPACE || byte === DELETE) {
    let at = Math.max(0, length - 1);
    // The bytes of one character of UTF-8.
    while (at > 0 && ((typed[at] as number) & 0xc0) === 0x80) at--;
    return at;
  }
  if (length < typed.length) typed[length] = byte;
  return Math.min(typed.length, length + 1);
}

function givenUp(): KeyStoreError {
  return new KeyStoreError('passphrase', 'No passphrase was given.', {
    hint: 'Start again, or give it in a file that is for its owner alone.',
  });
}
