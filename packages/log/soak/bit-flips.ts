// Flips every single bit of every file of a log of 1,000 entries, and checks that fsck finds it and names that file and no other; then
// every bit of an evidence bundle over a log of 1,000 events, and checks that the verdict is no pass:
//   npm run soak:bits -- [first file | bundle]
// Takes some twenty minutes. The tests do the same with a sample.

import { readEvidenceTrust, verifyEvidence } from '@taper/core';
import { checkLog } from '../src/monitor/fsck.ts';
import { bundleOfThousand } from '../test/evidence/thousand.ts';
import { localWitness } from '../test/local-witness.ts';
import { sourceOf, tileLog } from '../test/tile-log.ts';

const [start = ''] = process.argv.slice(2);
if (start !== 'bundle') await flipLog();
await flipBundle();

async function flipLog(): Promise<void> {
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
}

async function flipBundle(): Promise<void> {
  const { bundle, policy } = await bundleOfThousand();
  const trust = readEvidenceTrust(policy);
  for (let bit = 0; bit < bundle.length * 8; bit += 1) {
    bundle[bit >> 3] = (bundle[bit >> 3] as number) ^ (1 << (bit & 7));
    const { authentic, authorized, complete } = await verifyEvidence(bundle, trust);
    if ([authentic, authorized, complete].every((answer) => answer === 'pass')) {
      console.error(`bit ${bit} of the bundle: not noticed`);
      process.exit(1);
    }
    bundle[bit >> 3] = (bundle[bit >> 3] as number) ^ (1 << (bit & 7));
  }
  console.log(`bundle: every one of ${bundle.length * 8} bits found`);
}
