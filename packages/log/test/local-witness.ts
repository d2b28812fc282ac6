import { createTestClock, type TestClock, testKey } from '@taper/testkit';
import { createWitnessClient } from '../src/client/witness-client.ts';
import { createMemoryWitnessStore } from '../src/memory/witness-store.ts';
import type { Witness } from '../src/port/witness.ts';
import { createWitness } from '../src/witness/witness.ts';
import { plainLog, witnessName } from './plain-log.ts';

/** A witness in this process, asked as one elsewhere is. */
export function localWitness(name: string, clock: TestClock = createTestClock()): Witness {
  const key = testKey(name);
  const { origin, key: logKey } = plainLog({ size: 0 });
  const service = createWitness({
    name: witnessName(key),
    signer: key.signer,
    logs: [{ origin, keys: [logKey] }],
    store: createMemoryWitnessStore(),
    clock,
  });
  return createWitnessClient({
    url: 'http://localhost',
    key: service.key,
    fetch: (url, init) => service.fetch(new Request(url, init)),
  });
}
