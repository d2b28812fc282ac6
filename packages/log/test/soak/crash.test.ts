import { createRandom } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { liveInProcesses } from '../../soak/lives.ts';
import { livePowerCuts } from '../../soak/power.ts';
import { newFolder } from '../file/folder.ts';

// `npm run soak:log` has 2,000 of each.

describe('a log', () => {
  test('N12 S09 S07 loses nothing acknowledged and never forks, whatever kills its writer or fails under it', async () => {
    const { ends, acknowledged, published } = await liveInProcesses(
      createRandom('log lives in tests'),
      60,
      newFolder(),
      2,
    );
    expect(Object.keys(ends).filter((end) => end.endsWith('killed')).length).toBe(3);
    expect(
      Object.keys(ends).filter((end) => /^(?:fail|persist|torn)/.test(end)).length,
    ).toBeGreaterThan(2);
    expect(acknowledged).toBeGreaterThan(1000);
    expect(published).toBeGreaterThan(60);
  }, 120_000);

  test('N12 S09 loses nothing acknowledged and never forks in power cuts that keep of what was not synced whatever they like', async () => {
    let acknowledged = 0;
    for (let log = 0; log < 60; log++) {
      const history = await livePowerCuts(createRandom(`power cuts in tests ${log}`), 5);
      acknowledged += history.acknowledged;
    }
    expect(acknowledged).toBeGreaterThan(10_000);
  }, 120_000);
});
