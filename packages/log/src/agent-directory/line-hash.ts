import { platform } from '@taper/core';

const UTF8 = new TextEncoder();

/** Hashes lines in pieces, so that no text of all of them is ever made (spec/agent-directory.md section 4). */
export function createLineHash(): { add(line: string): void; end(): string } {
  let sum = '';
  let piece: string[] = [];
  let length = 0;
  const fold = (): void => {
    sum = platform.sha256(UTF8.encode(sum + piece.join('')));
    piece = [];
    length = 0;
  };
  return {
    add(line) {
      piece.push(`${line}\n`);
      length += line.length + 1;
      if (length >= PIECE) fold();
    },
    end() {
      fold();
      return sum;
    },
  };
}

/** UTF-16 code units after which a piece of the hash ends, with the line that reaches it. */
const PIECE = 65_536;
