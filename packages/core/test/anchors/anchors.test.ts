import { testKey } from '@taper/testkit';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type AnchorsVerdict,
  advanceAnchors,
  advanceAnchorsAsync,
  anchorsChangeAt,
  announceAnchor,
  evidenceAnchorsOf,
  generateHybridKeyPair,
  type HybridKey,
  importPublicKey,
  isVerifiedAnchors,
  logTrustOf,
  pinAnchors,
  pinAnchorsAsync,
  promoteAnchor,
  readAnchors,
  retireAnchor,
  signAnchors,
  TaperError,
  trustAnchorsAt,
  type UnsafeAnchors,
  type VerifiedAnchors,
  writeAnchors,
  writeAnchorsHistory,
} from '../../src/index.ts';
import {
  content,
  DAY,
  entry,
  forge,
  forgeText,
  ISSUER,
  members,
  one,
  T0,
  three,
  two,
} from './world.ts';

const NOW = T0 + 10;

let first: VerifiedAnchors;
/** Announces the second key. */
let announced: VerifiedAnchors;
/** The second key has taken over; the first counts for a week more. */
let rotated: VerifiedAnchors;

beforeAll(async () => {
  first = await signAnchors(content(), [one.signer], undefined);
  announced = await signAnchors(
    content({
      anchors: announceAnchor(first.anchors, { key: two.publicKey, notBefore: T0 + DAY }),
    }),
    [one.signer],
    first,
  );
  rotated = await signAnchors(
    content({
      issuedAt: T0 + DAY,
      anchors: promoteAnchor(announced.anchors, two.publicKey.thumbprint, T0 + 8 * DAY),
    }),
    [one.signer, two.signer],
    announced,
  );
});

async function problemOf(
  pinned: VerifiedAnchors,
  fetched: readonly UnsafeAnchors[],
  now: number = NOW,
): Promise<string> {
  const verdict = advanceAnchors(pinned, fetched, now);
  expect(await advanceAnchorsAsync(pinned, fetched, now)).toEqual(verdict);
  return nameOf(verdict);
}

function nameOf(verdict: AnchorsVerdict): string {
  return verdict.ok ? `sequence ${verdict.anchors.sequence}` : verdict.problem;
}

async function codeOf(action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (error) {
    if (error instanceof TaperError) return error.code;
    throw error;
  }
  return 'nothing thrown';
}

const unread = (document: UnsafeAnchors): UnsafeAnchors =>
  readAnchors(writeAnchors(document))[0] as UnsafeAnchors;

describe('a trust-anchor document', () => {
  test('is written and read back as it was', () => {
    expect(unread(rotated)).toEqual({ ...rotated, verified: undefined });
  });

  test('is what its specification says, so that one signed by its words alone is believed', () => {
    const document = forge(members(first), [one]);
    expect(nameOf(pinAnchors(document, one.publicKey.thumbprint))).toBe('sequence 1');
  });

  test('is believed under the thumbprint of one of its current keys, and no other', async () => {
    for (const [key, verdict] of [
      [two, 'sequence 3'],
      [one, 'pin_mismatch'],
      [three, 'pin_mismatch'],
    ] as const) {
      const { thumbprint } = key.publicKey;
      expect(nameOf(pinAnchors(unread(rotated), thumbprint))).toBe(verdict);
      expect(nameOf(await pinAnchorsAsync(unread(rotated), thumbprint))).toBe(verdict);
    }
  });

  test('is believed where somebody vouches for it, if its current keys have signed it', () => {
    expect(nameOf(pinAnchors(unread(first)))).toBe('sequence 1');
    expect(nameOf(pinAnchors(forge(members(first), [two])))).toBe('signature_missing');
    expect(nameOf(pinAnchors(forge(members(first), [])))).toBe('signature_missing');
  });

  test('needs the signature of every current key', async () => {
    const both = content({ anchors: [entry(one), entry(two)] });
    expect(await codeOf(() => signAnchors(both, [one.signer], undefined))).toBe('anchors_invalid');
    const made = await signAnchors(both, [one.signer, two.signer], undefined);
    expect(nameOf(pinAnchors(forge(members(made), [two]), two.publicKey.thumbprint))).toBe(
      'signature_missing',
    );
  });

  test('with a wrong signature of a key that it names is not believed', () => {
    const document = forge(members(first), [one]);
    const changed = {
      ...document,
      canonical: document.canonical.replace('"quorum":1', '"quorum":0'),
    };
    expect(nameOf(pinAnchors(changed))).toBe('signature_invalid');
  });

  test('is not made verified by being copied', () => {
    expect(isVerifiedAnchors(first)).toBe(true);
    expect(isVerifiedAnchors({ ...first })).toBe(false);
    expect(() => advanceAnchors({ ...first }, [first], NOW)).toThrow(TypeError);
  });

  test('may be signed by keys that nobody knows, which says nothing', () => {
    expect(nameOf(pinAnchors(forge(members(first), [three, one])))).toBe('sequence 1');
  });
});

describe('from a pinned document one goes to the next', () => {
  test('when a current key of the first and all of the next have signed it', async () => {
    expect(await problemOf(first, [unread(announced)])).toBe('sequence 2');
    expect(await problemOf(announced, [unread(rotated)], T0 + DAY)).toBe('sequence 3');
  });

  test('through every document in between', async () => {
    const now = T0 + DAY;
    expect(await problemOf(first, [first, announced, rotated].map(unread), now)).toBe('sequence 3');
    expect(await problemOf(announced, [first, announced, rotated].map(unread), now)).toBe(
      'sequence 3',
    );
    expect(await problemOf(first, [unread(rotated)], now)).toBe('gap');
  });

  test('and stays where there is no news', async () => {
    expect(await problemOf(first, [unread(first)])).toBe('sequence 1');
  });

  test('Q02: not when the new key alone has signed it', async () => {
    const takeover = members(first, {
      sequence: 2,
      anchors: [
        { jwk: one.publicKey.jwk, state: 'retired', not_before: T0, not_after: T0 + 1 },
        { jwk: two.publicKey.jwk, state: 'current', not_before: T0 },
      ],
    });
    expect(await problemOf(first, [forge(takeover, [two])])).toBe('unauthorized');
    expect(await problemOf(first, [forge(takeover, [one])])).toBe('signature_missing');
    expect(await problemOf(first, [forge(takeover, [one, two])])).toBe('sequence 2');
  });

  test('not when only a key signs for the first that was announced there, or is retired', async () => {
    const next = members(announced, { sequence: 3 });
    expect(await problemOf(announced, [forge(next, [two])])).toBe('unauthorized');
    const after = members(rotated, { sequence: 4 });
    expect(await problemOf(rotated, [forge(after, [one])], T0 + DAY)).toBe('unauthorized');
    expect(await problemOf(rotated, [forge(after, [two])], T0 + DAY)).toBe('sequence 4');
  });

  test('not of another issuer', async () => {
    const other = members(first, { sequence: 2, issuer: 'https://other.example.com' });
    expect(await problemOf(first, [forge(other, [one])])).toBe('issuer_mismatch');
  });

  test('not back to an older one', async () => {
    expect(await problemOf(rotated, [unread(announced)], T0 + DAY)).toBe('rolled_back');
    expect(await problemOf(rotated, [], T0 + DAY)).toBe('rolled_back');
  });

  test('not to another one of the same number', async () => {
    const other = forge(members(announced, { quorum: 0 }), [one]);
    expect(await problemOf(announced, [other])).toBe('forked');
    expect(await problemOf(announced, [other, unread(rotated)], T0 + DAY)).toBe('forked');
  });

  test('not when it has expired, since a newer one is being kept back', async () => {
    expect(await problemOf(first, [unread(first)], T0 + 30 * DAY - 1)).toBe('sequence 1');
    expect(await problemOf(first, [unread(first)], T0 + 30 * DAY)).toBe('expired');
    expect(await problemOf(first, [unread(announced)], T0 + 30 * DAY)).toBe('expired');
  });

  test('not when it was issued more than a minute from now', async () => {
    expect(await problemOf(first, [unread(announced)], T0 - 60)).toBe('sequence 2');
    expect(await problemOf(first, [unread(announced)], T0 - 61)).toBe('future');
  });
});

describe('Q13: what was said of a root key is never taken back', () => {
  const retired = { jwk: one.publicKey.jwk, state: 'retired', not_before: T0 };
  const current = { jwk: two.publicKey.jwk, state: 'current', not_before: T0 + DAY };
  const after = (anchors: readonly object[], changes: object = {}): UnsafeAnchors =>
    forge(members(rotated, { sequence: 4, anchors, ...changes }), [two]);

  test('it is not forgotten', async () => {
    expect(await problemOf(rotated, [after([current])], T0 + DAY)).toBe('history_changed');
  });

  test('its end may come earlier, and not later', async () => {
    const end = T0 + 8 * DAY;
    const ending = (not_after: number) => after([{ ...retired, not_after }, current]);
    expect(await problemOf(rotated, [ending(end - 1)], T0 + DAY)).toBe('sequence 4');
    expect(await problemOf(rotated, [ending(end)], T0 + DAY)).toBe('sequence 4');
    expect(await problemOf(rotated, [ending(end + 1)], T0 + DAY)).toBe('history_changed');
  });

  test('it does not come back', async () => {
    const again = { ...retired, state: 'current', not_after: T0 + 8 * DAY };
    const document = forge(members(rotated, { sequence: 4, anchors: [again, current] }), [
      one,
      two,
    ]);
    expect(await problemOf(rotated, [document], T0 + DAY)).toBe('history_changed');
  });

  test('its beginning and its second key stay', async () => {
    const not_after = T0 + 8 * DAY;
    const moved = after([{ ...retired, not_before: T0 - 1, not_after }, current]);
    expect(await problemOf(rotated, [moved], T0 + DAY)).toBe('history_changed');
    const hybrid = { alg: 'ML-DSA-65', key: Buffer.alloc(1952, 7).toString('base64url') };
    const added = after([
      { ...retired, not_after },
      { ...current, hybrid },
    ]);
    expect(await problemOf(rotated, [added], T0 + DAY)).toBe('history_changed');
  });

  test('and its time does not run backwards', async () => {
    const earlier = members(rotated, { sequence: 4, issued_at: T0 + DAY - 1 });
    expect(await problemOf(rotated, [forge(earlier, [two])], T0 + DAY)).toBe('history_changed');
  });

  test('so that events of its time verify, and those after it do not', () => {
    const [old, now] = evidenceAnchorsOf(rotated);
    expect(old).toMatchObject({ issuer: ISSUER, notBefore: T0, notAfter: T0 + 8 * DAY - 1 });
    expect(old?.key.thumbprint).toBe(one.publicKey.thumbprint);
    expect(now).toMatchObject({ notBefore: T0 + DAY, notAfter: Number.MAX_SAFE_INTEGER });
  });
});

describe('the anchors that count', () => {
  const at = (document: VerifiedAnchors, time: number): string[] =>
    trustAnchorsAt(document, time).map(({ key }) =>
      key.thumbprint === one.publicKey.thumbprint ? 'one' : 'two',
    );

  test('Q01: are those that are published and have begun, and retired ones until their end', () => {
    expect(at(first, T0 + DAY)).toEqual(['one']);
    expect(at(announced, T0 + DAY - 1)).toEqual(['one']);
    expect(at(announced, T0 + DAY)).toEqual(['one', 'two']);
    expect(at(rotated, T0 + 8 * DAY - 1)).toEqual(['one', 'two']);
    expect(at(rotated, T0 + 8 * DAY)).toEqual(['two']);
    expect(at(first, T0 - 1)).toEqual([]);
    expect(trustAnchorsAt(rotated, 'ever')).toHaveLength(2);
  });

  test('change at times that are known', () => {
    expect(anchorsChangeAt(announced, T0)).toBe(T0 + DAY);
    expect(anchorsChangeAt(rotated, T0 + DAY)).toBe(T0 + 8 * DAY);
    expect(anchorsChangeAt(rotated, T0 + 8 * DAY)).toBeUndefined();
  });

  test('ask for a second signature where the document says so', async () => {
    const hybrid = { alg: 'ML-DSA-65', key: Buffer.alloc(1952, 7) } as const;
    const document = await signAnchors(
      content({ anchors: [entry(one, { hybrid })] }),
      [one.signer],
      undefined,
    );
    const [anchor] = trustAnchorsAt(document, T0);
    expect(anchor?.hybrid).toEqual({ alg: 'ML-DSA-65', key: hybrid.key.toString('base64url') });
  });

  test('come with the trust in the authority log', () => {
    expect(logTrustOf(first)).toMatchObject({ origin: 'authority.example.com/log', quorum: 1 });
  });
});

describe('a root key is rotated', () => {
  test('by being announced once, promoted, and retired for good', async () => {
    const { thumbprint } = two.publicKey;
    const again = () => announceAnchor(announced.anchors, { key: two.publicKey, notBefore: T0 });
    expect(await codeOf(again)).toBe('anchors_invalid');
    expect(await codeOf(() => promoteAnchor(first.anchors, thumbprint, T0))).toBe(
      'anchors_invalid',
    );
    expect(await codeOf(() => promoteAnchor(rotated.anchors, thumbprint, T0))).toBe(
      'anchors_invalid',
    );
    expect(await codeOf(() => retireAnchor(first.anchors, thumbprint, T0))).toBe('anchors_invalid');
  });

  test('Q14: and after a compromise at once: what it signed counts no longer, and the next key goes on', async () => {
    const { thumbprint } = two.publicKey;
    const recovered = await signAnchors(
      content({
        issuedAt: T0 + DAY,
        anchors: promoteAnchor(announced.anchors, thumbprint, T0 + DAY),
      }),
      [one.signer, two.signer],
      announced,
    );
    const anchors = trustAnchorsAt(recovered, T0 + DAY);
    expect(anchors.map(({ key }) => key.thumbprint)).toEqual([thumbprint]);
    // Whoever holds the stolen key can sign nothing that verifiers take from here on.
    const rogue = members(recovered, { sequence: 4 });
    expect(await problemOf(recovered, [forge(rogue, [one])], T0 + DAY)).toBe('unauthorized');
  });

  test('an end that was set is not put off by retiring again', () => {
    const [old] = retireAnchor(rotated.anchors, one.publicKey.thumbprint, T0 + 99 * DAY);
    expect(old?.notAfter).toBe(T0 + 8 * DAY);
  });

  test('Q03: of two successors made at once from one document, verifiers take one and never both', async () => {
    const [left, right] = await Promise.all(
      [two, three].map((key) =>
        signAnchors(
          content({
            anchors: announceAnchor(first.anchors, { key: key.publicKey, notBefore: T0 }),
          }),
          [one.signer],
          first,
        ),
      ),
    );
    expect(await problemOf(left as VerifiedAnchors, [unread(right as VerifiedAnchors)])).toBe(
      'forked',
    );
  });

  test('nothing is signed that verifiers would refuse', async () => {
    const forgetful = content({ anchors: [entry(two)] });
    expect(await codeOf(() => signAnchors(forgetful, [one.signer, two.signer], first))).toBe(
      'anchors_invalid',
    );
    const past = content({ expiresAt: T0 });
    expect(await codeOf(() => signAnchors(past, [one.signer], undefined))).toBe('anchors_invalid');
  });
});

describe('a text is no trust-anchor document', () => {
  const refused: [string, (document: Record<string, unknown>) => void][] = [
    ['of another type', (d) => Object.assign(d, { type: 'anchors' })],
    ['of another version', (d) => Object.assign(d, { version: 2 })],
    ['with a member that is not known', (d) => Object.assign(d, { note: 'hello' })],
    ['without a quorum', (d) => delete d['quorum']],
    ['with a quorum that its witnesses cannot meet', (d) => Object.assign(d, { quorum: 2 })],
    ['with sequence 0', (d) => Object.assign(d, { sequence: 0 })],
    ['with half a sequence', (d) => Object.assign(d, { sequence: 1.5 })],
    ['that expires when it begins', (d) => Object.assign(d, { expires_at: T0 })],
    ['without a root key', (d) => Object.assign(d, { anchors: [] })],
    ['without a current root key', (d) => Object.assign(d, { anchors: [json({ state: 'next' })] })],
    [
      'with a retired key without an end',
      (d) => Object.assign(d, { anchors: [json(), json({ state: 'retired' }, two)] }),
    ],
    [
      'with a key that ends before it begins',
      (d) => Object.assign(d, { anchors: [json({ not_after: T0 - 1 })] }),
    ],
    ['with a root key twice', (d) => Object.assign(d, { anchors: [json(), json()] })],
    [
      'Q04: with a root key that also signs entries of the log',
      (d) => Object.assign(d, { authority_keys: [one.publicKey.jwk] }),
    ],
    [
      'Q04: with an identity key that is an authority key',
      (d) => Object.assign(d, { identity_keys: d['authority_keys'] }),
    ],
    [
      'with a private key',
      (d) => Object.assign(d, { anchors: [json({ jwk: { ...one.privateJwk } })] }),
    ],
    [
      'with a key whose private half is published',
      (d) =>
        Object.assign(d, {
          authority_keys: [
            importPublicKey({
              kty: 'OKP',
              crv: 'Ed25519',
              x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
            }).jwk,
          ],
        }),
    ],
    [
      'with a log key that is a witness key',
      (d) =>
        Object.assign(d, {
          log: { origin: 'x', key: (d['witnesses'] as { key: string }[])[0]?.key },
          witnesses: [],
          quorum: 0,
        }),
    ],
    [
      'with a witness of another name',
      (d) =>
        Object.assign(d, {
          witnesses: [{ ...(d['witnesses'] as object[])[0], name: 'other.example.com' }],
        }),
    ],
    [
      'with a second key of the wrong length',
      (d) => Object.assign(d, { anchors: [json({ hybrid: { alg: 'ML-DSA-65', key: 'AAAA' } })] }),
    ],
    [
      'with more than 100 root keys',
      (d) =>
        Object.assign(d, {
          anchors: Array.from({ length: 101 }, (_, index) => json({}, testKey(`root ${index}`))),
        }),
    ],
  ];

  function json(changes: object = {}, key = one): object {
    return { jwk: key.publicKey.jwk, state: 'current', not_before: T0, ...changes };
  }

  test.each(refused)('%s', async (_, change) => {
    const document = members(first);
    expect(readAnchors(forgeText(document, [one]))).toHaveLength(1);
    change(document);
    expect(await codeOf(() => readAnchors(forgeText(document, [one])))).toBe('anchors_invalid');
  });

  test('that is none at all', async () => {
    const whole = writeAnchors(first);
    for (const text of [
      '',
      'null',
      '[]',
      '{}',
      whole.slice(0, -1),
      `${whole} x`,
      ' '.repeat(2_000_000),
    ])
      expect(await codeOf(() => readAnchors(text))).toBe('anchors_invalid');
  });

  test('that names a member twice', async () => {
    const twice = writeAnchors(first).replace('"quorum":1', '"quorum":0,"quorum":1');
    expect(await codeOf(() => readAnchors(twice))).toBe('anchors_invalid');
  });

  test('B19 keeps the second key of a root key, as it is', async () => {
    const [other, another] = [generateHybridKeyPair().key, generateHybridKeyPair().key];
    const hybrid = await signAnchors(
      content({ anchors: [entry(one, { hybrid: other })] }),
      [one.signer],
      undefined,
    );
    const next = (changed: HybridKey | undefined): UnsafeAnchors => {
      const [said] = members(hybrid)['anchors'] as [Record<string, unknown>];
      const { hybrid: _, ...plain } = said;
      const anchors = [changed === undefined ? plain : { ...plain, hybrid: changed }];
      return forge(members(hybrid, { sequence: 2, anchors }), [one]);
    };
    expect(await problemOf(hybrid, [next(other)], T0)).toBe('sequence 2');
    expect(await problemOf(hybrid, [next(another)], T0)).toBe('history_changed');
    expect(await problemOf(hybrid, [next(undefined)], T0)).toBe('history_changed');
    const plain = await signAnchors(content(), [one.signer], undefined);
    const [said] = members(plain)['anchors'] as [Record<string, unknown>];
    const added = members(plain, { sequence: 2, anchors: [{ ...said, hybrid: other }] });
    expect(await problemOf(plain, [forge(added, [one])], T0)).toBe('history_changed');
  });

  test('C11 has no number that is not written as RFC 8785 writes it', async () => {
    const text = forgeText(members(first), [one]);
    expect(readAnchors(text)).toHaveLength(1);
    for (const number of ['1.0', '1e0', '10e-1'])
      expect(
        await codeOf(() => readAnchors(text.replace('"quorum":1', `"quorum":${number}`))),
        number,
      ).toBe('anchors_invalid');
  });

  test('Q13 and a history of hundreds of documents is written and read as any other', async () => {
    const documents: VerifiedAnchors[] = [];
    for (let each = 0; each < 400; each += 1)
      documents.push(await signAnchors(content(), [one.signer], documents.at(-1)));
    const read = readAnchors(writeAnchorsHistory(documents));
    expect(read.at(-1)?.sequence).toBe(400);
    const pinned = pinAnchors(read[0] as UnsafeAnchors);
    expect(pinned.ok && advanceAnchors(pinned.anchors, read, T0)).toMatchObject({
      anchors: { sequence: 400 },
    });
  });

  test('and a history is its documents in order, without a gap', async () => {
    const documents = [first, announced, rotated];
    expect(readAnchors(writeAnchorsHistory(documents)).map(unread)).toEqual(documents.map(unread));
    for (const wrong of [[first, rotated], [announced, first], [first, first], []])
      expect(await codeOf(() => readAnchors(writeAnchorsHistory(wrong)))).toBe('anchors_invalid');
  });
});
