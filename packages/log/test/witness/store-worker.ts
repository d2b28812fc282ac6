// One process among several that share the state of a witness: store.test.ts tells it line by line what to write.
import { createInterface } from 'node:readline';
import { openSqliteWitnessStore } from '../../src/sqlite/witness-store.ts';

const store = openSqliteWitnessStore(process.argv[2] ?? '');
process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  const [expected, size, fill]: [number, number, number] = JSON.parse(line);
  const next = { origin: 'log.example', size, root: new Uint8Array(32).fill(fill), note: line };
  let answer: unknown;
  try {
    answer = await store.replace(expected, next);
  } catch (error) {
    answer = error instanceof Error && 'code' in error ? error.code : 'unknown';
  }
  process.stdout.write(`${answer}\n`);
}
store.close();
