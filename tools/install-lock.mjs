/**
 * Lets one process at a time install or build in this checkout. Plain JavaScript for Node 20,
 * because it runs before anything is installed.
 *
 * The lock is a folder with one file of its holder in it, whose time the holder keeps renewing.
 * Whoever watches that file stand still takes the lock over, so a killed run blocks nobody for long.
 */
import { randomUUID } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  rmdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * When the lock counts as abandoned is counted in polls, not by the clock: a machine that slept has
 * not abandoned anything.
 */
const TIMING = { pollMs: 200, renewMs: 1_000, pollsUntilAbandoned: 50 };

/**
 * Does what can fail because another process was faster; `undefined` when it was.
 *
 * @template T
 * @param {() => T} action
 * @returns {T | undefined}
 */
function unlessOvertaken(action) {
  try {
    return action();
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    // Windows answers EPERM for a folder that another process is just removing.
    if (code && ['EEXIST', 'ENOENT', 'ENOTEMPTY', 'EPERM'].includes(code)) return undefined;
    throw error;
  }
}

/**
 * @param {string} folder
 * @param {string} holder
 * @returns {boolean} whether the lock is now this holder's
 */
function take(folder, holder) {
  const made = unlessOvertaken(() => {
    mkdirSync(folder);
    writeFileSync(join(folder, holder), '');
    return readdirSync(folder);
  });
  if (made === undefined) return false;
  // Between making the folder and the file, another process may have cleared and remade the folder.
  if (made.length === 1 && made[0] === holder) return true;
  rmSync(join(folder, holder), { force: true });
  return false;
}

/** @param {string} folder */
function appearanceOf(folder) {
  return unlessOvertaken(() =>
    readdirSync(folder)
      .map((name) => `${name} ${statSync(join(folder, name)).mtimeMs}`)
      .join(),
  );
}

/** @param {string} folder */
function clear(folder) {
  unlessOvertaken(() => {
    for (const name of readdirSync(folder)) rmSync(join(folder, name), { force: true });
    rmdirSync(folder);
  });
}

/**
 * Runs an action while no other process runs one under the same lock.
 *
 * @param {string} folder path of the lock; its parent is made when it is not there
 * @param {() => Promise<void>} action
 * @param {() => void} onWait called once when another process holds the lock
 * @param {typeof TIMING} [timing]
 */
export async function withLock(folder, action, onWait, timing = TIMING) {
  mkdirSync(dirname(folder), { recursive: true });
  const holder = randomUUID();
  let seen;
  let standing = 0;
  for (let polls = 0; !take(folder, holder); polls += 1) {
    if (polls === 2) onWait();
    const now = appearanceOf(folder);
    standing = now === seen ? standing + 1 : 0;
    seen = now;
    if (standing >= timing.pollsUntilAbandoned) clear(folder);
    await sleep(timing.pollMs);
  }
  const renewal = setInterval(() => {
    unlessOvertaken(() => utimesSync(join(folder, holder), new Date(), new Date()));
  }, timing.renewMs);
  try {
    await action();
  } finally {
    clearInterval(renewal);
    unlessOvertaken(() => {
      rmSync(join(folder, holder), { force: true });
      rmdirSync(folder);
    });
  }
}
