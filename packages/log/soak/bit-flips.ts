// Flips every single bit of every file of a log of 1,000 entries, and checks that fsck finds it and names that file and no other:
//   node --conditions=@taper/source packages/log/soak/bit-flips.ts [first file]
// Takes some twenty minutes. The tests do the same with a sample.

import { checkLog } from '../src/monitor/fsck.ts';
import { localWitness } from '../test/local-witness.ts';
import { sourceOf, tileLog } from '../test/tile-log.ts';

const [start = ''] = process.argv.slice(2);
const log = await tileLog({ witnesses: [localWitness('w1')] });
for (const size of [300, 1000]) {
  await log.append(size - log.log.size);
  await log.publish();
}
const paths = [...log.files.keys()].filter((path) => path !== 'checkpoint');
let flips = 0;
for (const [path, original] of log.files) {
  if (path < start) continue;
  const bytes = Uint8Array.from(original);
  const files = new Map([...log.files, [path, bytes]]);
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
    const note = Buffer.from(files.get('checkpoint') ?? []).toString();
    const report = await checkLog({ source: sourceOf(files), note, trust: log.trust, paths });
    const named = new Set(report.problems.map((each) => each.path));
    if (report.verdict !== 'damaged' || named.size !== 1 || !named.has(path)) {
      console.error(`bit ${bit} of ${path}: ${report.verdict}, named ${[...named].join(', ')}`);
      process.exit(1);
    }
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
    flips += 1;
  }
  console.log(`${path}: every one of ${bytes.length * 8} bits found`);
}
console.log(`${flips} flips, all found and named`);
