import { noteKey, verifyStaple } from '@taper/core';
import { describe, expect, it } from 'vitest';
import { createPastStaples, findEpochs } from '../../src/index.ts';
import { type Desk, LOG_KEY, NOW, ORIGIN, openDesk } from './desk.ts';

// Staples as of epochs that are long over, from the log alone (spec/evidence.md section 5.3 asks for those around a call).

const TRUST = {
  origin: ORIGIN,
  keys: [noteKey(ORIGIN, LOG_KEY.publicKey, 1)],
  witnesses: [],
  quorum: 0,
};
const [TOKEN, KEY, OTHER] = ['t', 'k', 'o'].map((letter) => `${letter.repeat(42)}A`) as [
  string,
  string,
  string,
];
const QUERY = { chains: [{ tokens: [TOKEN], keys: [OTHER, KEY] }] };

/** Publishes an epoch at each of the times, and revokes the key before that of the given index. */
async function published(times: readonly number[], revokedBefore: number): Promise<Desk> {
  const desk = await openDesk();
  for (const [index, time] of times.entries()) {
    desk.clock.set(NOW + time);
    if (index === revokedBefore) await desk.authority.revoke({ kind: 'key', key: KEY });
    await desk.authority.publishEpoch();
  }
  return desk;
}

describe('the epochs around a time', () => {
  const EPOCHS = [0, 1, 1, 4, 9, 9, 10];

  it('are the last that is not later and the first that is not earlier, for times in any order', async () => {
    const { log } = await published(EPOCHS, -1);
    const wanted = [12, -1, 0, 1, 2, 9, 5, 10, 11, 1, 4];
    const found = await findEpochs(
      log.reader,
      log.reader.head().size,
      wanted.map((time) => NOW + time),
    );
    const naive = wanted.map((time) => {
      const before = EPOCHS.findLastIndex((each) => each <= time);
      const after = EPOCHS.findIndex((each) => each >= time);
      return {
        before: before === -1 ? undefined : before + 1,
        after: after === -1 ? undefined : after + 1,
      };
    });
    expect(found).toEqual(naive);
  });

  it('are none in a log without epochs', async () => {
    const { log } = await published([], -1);
    expect(await findEpochs(log.reader, 0, [NOW])).toEqual([
      { before: undefined, after: undefined },
    ]);
  });
});

describe('a staple of the past', () => {
  it('M16: says what the log said then: not revoked before, revoked from then on', async () => {
    const { log } = await published([0, 10, 20, 30], 2);
    const checkpoint = log.checkpoint() ?? '';
    const staples = await createPastStaples({
      reader: log.reader,
      checkpoint,
      size: log.reader.head().size,
      wanted: [4, 2, 3, 2, 9].map((epoch) => ({ query: QUERY, epoch })),
    });
    const said = staples.map((staple) => {
      if (staple === undefined) return undefined;
      const verdict = verifyStaple(staple, { ...QUERY, oldestIssuedAt: NOW }, TRUST);
      return verdict.ok ? [verdict.asOf - NOW, verdict.revoked?.what] : verdict.problem;
    });
    expect(said).toEqual([[30, 'key'], [10, undefined], [20, 'key'], [10, undefined], undefined]);
  });

  it('is not made of a log whose epoch does not commit to what was revoked', async () => {
    const { log } = await published([0, 10], 1);
    const { reader } = log;
    const size = reader.head().size;
    const without = {
      ...reader,
      async *entries(from?: number, to?: number) {
        for await (const each of reader.entries(from, to))
          if (!Buffer.from(each.entry).includes('"type":"revocation"')) yield each;
      },
    };
    const options = { checkpoint: log.checkpoint() ?? '', size };
    const wanted = [{ query: QUERY, epoch: 2 }];
    await expect(createPastStaples({ ...options, reader: without, wanted })).rejects.toMatchObject({
      code: 'log_corrupt',
    });
  });
});
