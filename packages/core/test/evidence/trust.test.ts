import { readFileSync } from 'node:fs';
import { schemaProblem, testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import {
  type JsonObject,
  noteKey,
  parseEvidence,
  readEvidenceTrust,
  TaperError,
  verifyEvidence,
} from '../../src/index.ts';

function readJson(path: string): JsonObject {
  return JSON.parse(readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8'));
}

const bundleSchema = readJson('spec/evidence.schema.json');
const trustSchema = readJson('spec/evidence-trust.schema.json');
const { cases } = readJson('vectors/evidence/bundles.json') as unknown as {
  readonly cases: readonly {
    readonly id: string;
    readonly bundle: string;
    readonly trust: JsonObject;
    readonly as_of?: number;
    readonly expected: { readonly problems: readonly { readonly code: string }[] };
  }[];
};

const { d: _, ...jwk } = testKey('anchor').privateJwk;
const vkey = (name: string, type: 1 | 4): string =>
  noteKey(name, testKey(name).publicKey, type).text;
const LOG = { origin: 'log.example', keys: [vkey('log.example', 1)] };
const ANCHOR = { issuer: 'https://auth.example', key: jwk };
const EMITTER = { name: 'e', key: jwk, log: 'log.example', enforcement_points: ['https://a'] };
const GOOD = { taper_trust: 1, anchors: [ANCHOR], emitters: [EMITTER], logs: [LOG] };

function codeOf(policy: unknown): string {
  try {
    readEvidenceTrust(policy as JsonObject);
    return 'read';
  } catch (error) {
    return error instanceof TaperError ? error.code : 'another error';
  }
}

describe('a trust policy', () => {
  test('is read as an object and as text', () => {
    expect(codeOf(GOOD)).toBe('read');
    expect(codeOf(JSON.stringify(GOOD))).toBe('read');
    expect(codeOf({ taper_trust: 1 })).toBe('read');
  });

  test.each<[string, unknown]>([
    ['that is no JSON', '{'],
    ['with a member twice', '{"taper_trust":1,"taper_trust":1}'],
    ['that is a list', []],
    ['of another version', { ...GOOD, taper_trust: 2 }],
    ['of no version', { anchors: [] }],
    ['with a member that is not known', { ...GOOD, anchor: [] }],
    ['with an anchor without a key', { ...GOOD, anchors: [{ issuer: 'a' }] }],
    [
      'with the private key of an anchor',
      { ...GOOD, anchors: [{ ...ANCHOR, key: { ...jwk, d: jwk['x'] } }] },
    ],
    [
      'A02: with a key of small order',
      { ...GOOD, anchors: [{ ...ANCHOR, key: { ...jwk, x: `AQ${'A'.repeat(41)}` } }] },
    ],
    ['with a validity that is no number', { ...GOOD, anchors: [{ ...ANCHOR, not_after: '1' }] }],
    [
      'with an emitter of a log that is not there',
      { ...GOOD, emitters: [{ ...EMITTER, log: 'b' }] },
    ],
    ['with two emitters of one log', { ...GOOD, emitters: [EMITTER, EMITTER] }],
    [
      'with an emitter that speaks for nobody',
      { ...GOOD, emitters: [{ ...EMITTER, enforcement_points: [] }] },
    ],
    ['with two logs of one origin', { ...GOOD, logs: [LOG, LOG] }],
    ['with a log without a key', { ...GOOD, logs: [{ ...LOG, keys: [] }] }],
    ['N10: with a quorum that cannot be met', { ...GOOD, logs: [{ ...LOG, quorum: 1 }] }],
    [
      'with a witness whose key is for logs',
      { ...GOOD, logs: [{ ...LOG, witnesses: [vkey('w', 1)] }] },
    ],
    ['with a revocation log that is not there', { ...GOOD, revocation_logs: ['b'] }],
    ['that asks for a demand that is none', { ...GOOD, required: { proofs: 'no' } }],
    ['that asks for sequences from 0', { ...GOOD, required: { sequences: { first: 0 } } }],
    ['that asks for nothing at all', { ...GOOD, required: { sequences: { first: 5, last: 4 } } }],
    ['that asks for an empty time', { ...GOOD, required: { time: { from: 5, until: 5 } } }],
    [
      'that asks for both sequences and a time',
      { ...GOOD, required: { sequences: { first: 1 }, time: { from: 1, until: 2 } } },
    ],
    ['that holds a head that is none', { ...GOOD, held: { heads: [{}] } }],
  ])('%s is an error, and never a verdict', (_title, policy) => {
    expect(codeOf(policy)).toBe('option_invalid');
  });

  test('N10: asks for a majority of the witnesses unless it says otherwise', () => {
    const witnesses = ['w1', 'w2', 'w3'].map((name) => vkey(name, 4));
    const quorumOf = (log: object): number | undefined =>
      readEvidenceTrust({ ...GOOD, logs: [{ ...LOG, ...log }] } as never).logs.get('log.example')
        ?.quorum;
    expect(quorumOf({})).toBe(0);
    expect(quorumOf({ witnesses })).toBe(2);
    expect(quorumOf({ witnesses, quorum: 3 })).toBe(3);
  });

  test('S06: must have been read: a look-alike is no policy', async () => {
    const trust = readEvidenceTrust(GOOD as never);
    await expect(verifyEvidence('{}', { ...trust })).rejects.toMatchObject({
      code: 'option_invalid',
    });
  });

  test.each(cases.map(({ id, trust }) => [id, trust] as const))(
    'of the vector %s fits its schema',
    (_id, trust) => {
      expect(schemaProblem(trust, trustSchema, trustSchema)).toBe(undefined);
    },
  );
});

describe('a bundle', () => {
  test.each(cases.map(({ id, bundle }) => [id, bundle] as const))(
    'of the vector %s fits its schema where it is read, and in no other case',
    (id, bundle) => {
      const read = parseEvidence(bundle);
      if (['not-canonical', 'cut'].includes(id)) {
        expect(read.ok).toBe(false);
        return;
      }
      expect(schemaProblem(JSON.parse(bundle), bundleSchema, bundleSchema) === undefined).toBe(
        read.ok,
      );
    },
  );

  test.each(cases.map((each) => [each.id, each] as const))(
    'of the vector %s has the verdict that the vector says',
    async (_id, { bundle, trust, as_of: asOf, expected }) => {
      const options = asOf === undefined ? {} : { asOf };
      const verdict = await verifyEvidence(bundle, readEvidenceTrust(trust), options);
      expect(verdict).toMatchObject(expected);
    },
  );
});
