import { TaperError } from '@taper/core';
import type { Random } from '@taper/testkit';
import { createFaultyDisk, type Fault } from './faulty-disk.ts';
import { History } from './history.ts';
import { createLossyDisk, type LossyDisk } from './lossy-disk.ts';
import { openLogIn } from './open.ts';
import { work } from './workload.ts';

/**
 * One log through several lives, each of which ends with a power cut after a random change of the disk; some changes before it
 * fail, or fail and are done all the same. What is found after each is compared with all that was ever said.
 * @throws {Breach}
 */
export async function livePowerCuts(random: Random, lives: number): Promise<History> {
  const history = new History();
  let disk: LossyDisk = createLossyDisk();
  for (let life = 0; life < lives; life++) {
    let left = random.between(1, random.chance(0.3) ? 20 : 200);
    const faults = random.chance(0.5) ? 0.05 : 0;
    const current = disk;
    let next: LossyDisk | undefined;
    const cut = (): void => {
      left -= 1;
      if (left === 0) next = current.cutPower(random);
    };
    const faulty = createFaultyDisk(current, {
      before() {
        cut();
        return random.chance(faults) ? random.pick<Fault>(['fail', 'persist', 'torn']) : undefined;
      },
      after: cut,
    });
    try {
      const { log, close } = await openLogIn('/', faulty);
      await work(log, random, 30, `life ${life}`, history);
      await close();
    } catch (error) {
      // Whatever was being done when the power went fails; the log never finds fault with what is stored.
      if (!(error instanceof TaperError && error.code === 'log_unavailable')) throw error;
    }
    disk = next ?? current.cutPower(random);
    const opened = await openLogIn('/', disk);
    await history.compare(opened.log);
    await opened.close();
  }
  return history;
}
