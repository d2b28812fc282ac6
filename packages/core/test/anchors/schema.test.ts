import { readFileSync } from 'node:fs';
import { schemaProblem, testKey } from '@taper/testkit';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  announceAnchor,
  type JsonObject,
  readAnchors,
  signAnchors,
  type VerifiedAnchors,
  writeAnchors,
  writeAnchorsHistory,
} from '../../src/index.ts';
import { content, entry, one, T0, two } from './world.ts';

const path = new URL('../../../../spec/anchors.schema.json', import.meta.url);
const schema: JsonObject = JSON.parse(readFileSync(path, 'utf8'));

describe('spec/anchors.schema.json', () => {
  let first: VerifiedAnchors;
  let second: VerifiedAnchors;

  beforeAll(async () => {
    const p256 = testKey('anchors p-256', 'ES256');
    const hybrid = { alg: 'ML-DSA-65', key: Buffer.alloc(1952, 7) } as const;
    first = await signAnchors(
      content({ anchors: [entry(one, { hybrid }), entry(p256)] }),
      [one.signer, p256.signer],
      undefined,
    );
    const next = { key: two.publicKey, notBefore: T0 };
    second = await signAnchors(
      content({ anchors: announceAnchor(first.anchors, next) }),
      [one.signer, p256.signer],
      first,
    );
  });

  const problemOf = (text: string): string | undefined =>
    schemaProblem(JSON.parse(text), schema, schema);

  test('fits what is written', () => {
    expect(problemOf(writeAnchors(first))).toBeUndefined();
    expect(problemOf(writeAnchorsHistory([first, second]))).toBeUndefined();
  });

  test.each<[string, (document: Record<string, unknown>) => void]>([
    ['another version', (d) => Object.assign(d, { version: 2 })],
    ['an unknown member', (d) => Object.assign(d, { more: 1 })],
    ['no expiry', (d) => delete d['expires_at']],
    ['no root key', (d) => Object.assign(d, { anchors: [] })],
    [
      'a key with a name',
      (d) => Object.assign((d['anchors'] as { jwk: object }[])[0]?.jwk ?? {}, { kid: 'x' }),
    ],
    [
      'a state that is none',
      (d) => Object.assign((d['anchors'] as object[])[0] ?? {}, { state: 'old' }),
    ],
  ])('refuses %s, as the reader does', (_, change) => {
    const document = JSON.parse(writeAnchors(first));
    change(document);
    expect(problemOf(JSON.stringify(document))).toBeDefined();
    expect(() => readAnchors(JSON.stringify(document))).toThrow();
  });
});
