import { hkdfSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { agree, authenticate, isSameCode, makeShare } from '../../src/session/key-schedule.ts';

const HASH = Buffer.alloc(32, 7);

/** RFC 7748 section 5.2: the scalar 9 (clamped) times the point 9, the first of the iterations. */
const NINE = Uint8Array.from({ length: 32 }, (_, index) => (index === 0 ? 9 : 0));
const NINE_TIMES_NINE = '422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079';

describe('the key schedule', () => {
  test('is X25519 and HKDF with the labels of the specification', () => {
    const share = makeShare(Uint8Array.from(NINE));
    expect(Buffer.from(share.publicValue).toString('hex')).toBe(NINE_TIMES_NINE);
    const keys = agree(share, NINE, HASH);
    const secret = Buffer.from(NINE_TIMES_NINE, 'hex');
    const labels = { responder: 'responder confirmation', initiator: 'initiator confirmation' };
    for (const [name, purpose] of Object.entries({ ...labels, request: 'request' })) {
      const key = hkdfSync('sha256', secret, HASH, `taper-session-1 ${purpose}`, 32);
      expect(keys?.[name as keyof typeof keys].export()).toEqual(Buffer.from(key));
    }
  });

  test('gives both sides the same keys, and other keys for another transcript or share', () => {
    const seeds = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte));
    const [one, two, three] = seeds.map(makeShare) as [
      ReturnType<typeof makeShare>,
      ReturnType<typeof makeShare>,
      ReturnType<typeof makeShare>,
    ];
    const codeOf = (
      own: typeof one,
      theirs: typeof one,
      hash: Uint8Array,
      role: 'request' | 'initiator' | 'responder' = 'request',
    ): string => {
      const keys = agree(own, theirs.publicValue, hash);
      if (keys === undefined) throw new Error('no keys');
      return Buffer.from(authenticate(keys[role], HASH)).toString('hex');
    };
    expect(codeOf(one, two, HASH)).toBe(codeOf(two, one, HASH));
    const all = [
      codeOf(one, two, HASH),
      codeOf(one, three, HASH),
      codeOf(one, two, Buffer.alloc(32, 8)),
      codeOf(one, two, HASH, 'initiator'),
      codeOf(one, two, HASH, 'responder'),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  test('leaves nothing of a private value in the bytes that it was made of (Q15)', () => {
    const seed = new Uint8Array(32).fill(5);
    makeShare(seed);
    expect(seed).toEqual(new Uint8Array(32));
  });

  test.each([0, 31, 33, 64])('takes no share of %i bytes', (length) => {
    expect(agree(makeShare(Uint8Array.from(NINE)), new Uint8Array(length).fill(9), HASH)).toBe(
      undefined,
    );
  });

  test('compares codes of any lengths without an exception (T04)', () => {
    const code = new Uint8Array(32).fill(1);
    expect(isSameCode(code, Uint8Array.from(code))).toBe(true);
    for (const other of [new Uint8Array(0), new Uint8Array(31).fill(1), new Uint8Array(33).fill(1)])
      expect(isSameCode(code, other)).toBe(false);
    for (let bit = 0; bit < 256; bit++) {
      const other = Uint8Array.from(code);
      other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(isSameCode(code, other)).toBe(false);
    }
  });
});
