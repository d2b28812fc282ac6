import { openSqliteViewStore } from '../../src/sqlite/index.ts';

/** Saves positions as fast as it can, each with one key, until it is killed. */
const store = openSqliteViewStore(process.argv[2] ?? '');
const begin = Number(process.argv[3]);
for (let size = begin; ; size += 1) {
  const ones = size.toString(2).replaceAll('0', '').length;
  store.save({
    position: {
      log: 'log.example',
      size,
      note: '',
      frontier: Array.from({ length: ones }, () => new Uint8Array(32)),
      epoch: size,
      nextUpdate: size,
      time: size,
      asOf: size,
    },
    revoked: [{ kind: 'key', key: `${size}`.padStart(43, 'A') }],
    forgetUntil: 0,
  });
  process.stdout.write(`${size}\n`);
}
