// A writer in a process of its own: arguments are the folder and how many entries to append, one after the other; `hold` holds the
// log open. Says on standard output, a JSON line each, what becomes of them.
import { writeSync } from 'node:fs';
import { TaperError } from '@taper/core';
import { openLogIn } from '../../soak/open.ts';
import { localDisk } from '../../src/file/disk.ts';

const [folder = '', count = '0'] = process.argv.slice(2);

function say(what: object): void {
  writeSync(1, `${JSON.stringify(what)}\n`);
}

function codeOf(error: unknown): string {
  if (error instanceof TaperError) return error.code;
  throw error;
}

try {
  const { log, close } = await openLogIn(folder, localDisk);
  say({ opened: log.size });
  if (count === 'hold') setInterval(() => {}, 1000);
  else {
    for (let number = 0; number < Number(count); number++) {
      const entry = new TextEncoder().encode(`${number} ${'x'.repeat(1000)}`);
      try {
        say({ index: (await log.append(entry)).index });
        if (number % 5 === 0) say({ published: (await log.publish()).size });
      } catch (error) {
        say({ failed: codeOf(error) });
      }
    }
    await close();
    say({ ended: log.size });
  }
} catch (error) {
  say({ refused: codeOf(error) });
}
