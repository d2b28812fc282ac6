import { forge, takeApart } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import type { CaveatsInit } from '../../src/index.ts';
import {
  call,
  carol,
  issuer,
  outcome,
  place,
  proofOf,
  rootToken,
  verify,
} from '../attack/attacker.ts';
import { child, HASHES, MARKED, markedRoot, TOOLS, understanding, verified } from './caveated.ts';

const on = understanding();
const [hash = ''] = HASHES;

describe('the header of a token with caveats', () => {
  const taper = { purpose: 'q3-close' };

  test('names the profile in crit, with version 1', () => {
    expect(outcome(verify([markedRoot(taper)], on))).toBe('verified');
  });

  test('may be written in any way that says the same', () => {
    const header = '{ "typ":"aat+jwt", "taper": 1, "alg":"Ed25519", "crit": ["taper"], "kid":"k" }';
    expect(outcome(verify([markedRoot(taper, { header })], on))).toBe('verified');
  });

  test('may have the algorithm ES256', () => {
    const parent = markedRoot(taper, { holder: carol });
    const header = MARKED.replace('Ed25519', 'ES256');
    const token = child(parent, taper, { header });
    expect(outcome(verify([parent, token], on))).toBe('verified');
  });

  test.each<[string, string]>([
    ['nothing', '[]'],
    ['another name', '["b64"]'],
    ['another name beside it', '["taper","b64"]'],
    ['the name twice', '["taper","taper"]'],
    ['the name in capitals', '["Taper"]'],
    ['no array', '"taper"'],
    ['an object', '{"0":"taper","length":1}'],
    ['null', 'null'],
    ['an array in an array', '[["taper"]]'],
  ])('is refused where crit lists %s, with the profile on (B08, D14)', (_what, crit) => {
    const header = `{"alg":"Ed25519","b64":true,"crit":${crit},"taper":1,"typ":"aat+jwt"}`;
    expect(place(verify([markedRoot(taper, { header })], on))).toBe('critical_header_unknown 3a 0');
    const parent = markedRoot(taper);
    expect(place(verify([parent, child(parent, taper, { header })], on))).toBe(
      'critical_header_unknown 4a 1',
    );
  });

  test.each(['2', '0', '1.0', '10e-1', '"1"', 'true', 'null', '[1]', '1.5'])(
    'is refused where the version is %s',
    (version) => {
      const header = `{"alg":"Ed25519","crit":["taper"],"taper":${version},"typ":"aat+jwt"}`;
      expect(place(verify([markedRoot(taper, { header })], on))).toBe(
        'profile_version_unknown 3a 0',
      );
      const parent = markedRoot(taper);
      expect(place(verify([parent, child(parent, taper, { header })], on))).toBe(
        'profile_version_unknown 4a 1',
      );
    },
  );

  test('is refused where crit names the profile and no version is there', () => {
    const header = '{"alg":"Ed25519","crit":["taper"],"typ":"aat+jwt"}';
    expect(place(verify([markedRoot(taper, { header })], on))).toBe('profile_version_unknown 3a 0');
  });

  test('does not make a proof one that can have caveats: crit stays refused there', () => {
    const root = markedRoot(taper);
    for (const typ of ['aat-pop+jwt', 'aat+jwt']) {
      const header = MARKED.replace('aat+jwt', typ);
      const proof = proofOf(root, 'read', {}, { header });
      const code = typ === 'aat+jwt' ? 'type_mismatch 7a' : 'critical_header_unknown 7a';
      expect(place(call([root], 'read', {}, { proof, by: on }))).toBe(code);
    }
    expect(outcome(call([root], 'read', {}, { by: on }))).toBe('permit');
  });
});

describe('a restriction that could be overlooked', () => {
  const taper = { purpose: 'q3-close' };

  test.each([
    ['off', undefined],
    ['on', on],
  ])('Z05 is refused with the profile %s: a claim without crit', (_state, by) => {
    const header = '{"alg":"Ed25519","typ":"aat+jwt"}';
    expect(place(verify([markedRoot(taper, { header })], by))).toBe('caveats_unmarked 3a 0');
    const root = rootToken(TOOLS);
    expect(place(verify([root, child(root, taper, { header })], by))).toBe('caveats_unmarked 4a 1');
    expect(outcome(verify([root, child(root)], by))).toBe('verified');
  });

  test.each<[string, unknown]>([
    ['null', null],
    ['an empty object', {}],
    ['false', false],
    ['an empty text', ''],
  ])('is refused where the claim without crit is %s', (_what, value) => {
    const header = '{"alg":"Ed25519","typ":"aat+jwt"}';
    expect(outcome(verify([markedRoot(value, { header })], on))).toBe('caveats_unmarked');
  });

  test.each([
    ['off', undefined],
    ['on', on],
  ])('is refused with the profile %s: a header parameter without crit', (_state, by) => {
    for (const version of ['1', '2', 'null']) {
      const header = `{"alg":"Ed25519","taper":${version},"typ":"aat+jwt"}`;
      expect(place(verify([rootToken(TOOLS, { header })], by))).toBe('caveats_unmarked 3a 0');
    }
    const header = '{"alg":"Ed25519","tapers":1,"typ":"aat+jwt"}';
    expect(outcome(verify([rootToken(TOOLS, { header })], by))).toBe('verified');
  });

  test('Z05 is refused whole by a verifier of plain AAT: our own, with the profile off', () => {
    expect(place(verify([markedRoot(taper)]))).toBe('critical_header_unknown 3a 0');
    const root = rootToken(TOOLS);
    const leaf = child(root, taper);
    expect(place(verify([root, leaf]))).toBe('critical_header_unknown 4a 1');
    expect(place(call([root, leaf], 'read', {}))).toBe('critical_header_unknown 4a 1');
    expect(outcome(call([root], 'read', {}))).toBe('permit');
  });

  test('is refused where a hop in the middle has it', () => {
    const root = rootToken(TOOLS);
    const middle = child(root, taper);
    const leaf = child(middle);
    expect(place(verify([root, middle, leaf]))).toBe('critical_header_unknown 4a 1');
    expect(outcome(verify([root, middle, leaf], on))).toBe('verified');
  });
});

describe('the claim taper', () => {
  test('is refused where the header announces it and it is not there', () => {
    const root = rootToken(TOOLS, { header: MARKED });
    expect(verify([root], on)).toMatchObject({
      denial: { code: 'caveats_malformed', step: '3b', hop: 0, facts: { claim: 'taper' } },
    });
    const plain = rootToken(TOOLS);
    const leaf = child(plain, undefined, { header: MARKED });
    expect(place(verify([plain, leaf], on))).toBe('caveats_malformed 4b 1');
  });

  test.each<[string, unknown]>([
    ['null', null],
    ['an empty object, which would say nothing', {}],
    ['an array', [{ purpose: 'x' }]],
    ['a text', 'purpose'],
    ['a number', 1],
    ['true', true],
  ])('H11 is refused where it is %s', (_what, value) => {
    expect(verify([markedRoot(value)], on)).toMatchObject({
      denial: { code: 'caveats_malformed', step: '3b', hop: 0, facts: { claim: 'taper' } },
    });
  });

  test.each(['tenants', 'Tenant', 'rate', 'aud', '', 'constructor', 'toString', 'hasOwnProperty'])(
    'D14 Z05 is refused with a member that is not known: %j',
    (member) => {
      expect(verify([markedRoot({ purpose: 'x', [member]: 'y' })], on)).toMatchObject({
        denial: { code: 'caveat_unknown', step: '3b', hop: 0, facts: { claim: member } },
      });
      const root = rootToken(TOOLS);
      expect(place(verify([root, child(root, { [member]: 'y' })], on))).toBe('caveat_unknown 4b 1');
    },
  );

  test('is refused with a member twice, whichever a lax parser would take', () => {
    const { payload } = takeApart(markedRoot({ purpose: 'x' }).compact);
    const twice = payload.replace('"taper":{', '"taper":{"purpose":"y",');
    const root = markedRoot({ purpose: 'x' });
    expect(JSON.parse(twice)).toBeDefined();
    expect(outcome(verify([forgePayload(root, twice)], on))).toBe('claims_duplicate_member');
  });
});

const revocation = { log: 'log.example.com', epoch: 0, max_staleness: 60 };
const manyMeters = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`m${at}`, '1']));
const manyTools = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`t${at}`, { g: 1 }]));
const manyPins = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`t${at}`, hash]));
const manyGroups = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`g${at}`, 1]));

describe('each caveat', () => {
  test.each<[string, CaveatsInit]>([
    ['tenant', { tenant: 't' }],
    ['tenant of 256 characters', { tenant: 't'.repeat(256) }],
    ['purpose', { purpose: 'a purpose with spaces, \u00fcber alles' }],
    ['purpose of 256 characters', { purpose: 'p'.repeat(256) }],
    ['budget', { budget: { calls: '10', EUR: '99.95' } }],
    ['budget of nothing', { budget: { calls: '0', 'a.b_c-D9': '0.00' } }],
    ['budget with all digits', { budget: { EUR: `${'9'.repeat(30)}.${'9'.repeat(18)}` } }],
    ['budget with a meter of 64 characters', { budget: { ['m'.repeat(64)]: '1' } }],
    ['budget with names of Object.prototype', { budget: { constructor: '1', toString: '2' } }],
    ['budget of 16 meters', { budget: manyMeters(16) }],
    ['approvals', { approvals: { refund: { finance: 1, 'legal team': 16 } } }],
    ['approvals of 64 tools', { approvals: manyTools(64) }],
    ['approvals of 16 groups', { approvals: { refund: manyGroups(16) } }],
    ['approvals for a tool that is not granted', { approvals: { other: { finance: 1 } } }],
    ['revocation', { revocation }],
    [
      'revocation at the bounds',
      { revocation: { ...revocation, epoch: 2 ** 53 - 1, max_staleness: 7_776_000 } },
    ],
    ['revocation of one second', { revocation: { ...revocation, max_staleness: 1 } }],
    ['definitions', { definitions: { refund: hash, other: hash } }],
    ['definitions of 300 tools', { definitions: manyPins(300) }],
    [
      'all of them',
      {
        tenant: 't',
        purpose: 'p',
        budget: { calls: '1' },
        approvals: { refund: { g: 1 } },
        revocation,
        definitions: { refund: hash },
      },
    ],
  ])('is read: %s', (_what, caveats) => {
    const by = understanding(caveats.tenant === undefined ? {} : { tenant: caveats.tenant });
    const read = verified([markedRoot(caveats)], by).leaf.claims.caveats;
    expect(asInit(read)).toEqual(caveats);
  });

  test.each<[keyof CaveatsInit, string, unknown]>([
    ['tenant', 'an empty text (F03, H11)', ''],
    ['tenant', 'null (F03)', null],
    ['tenant', 'a list', ['t']],
    ['tenant', 'a number', 1],
    ['tenant', 'an object', { id: 't' }],
    ['tenant', 'a text with a line feed', 'a\nb'],
    ['tenant', '257 characters', 't'.repeat(257)],
    ['purpose', 'an empty text', ''],
    ['purpose', 'null', null],
    ['purpose', '257 characters', 'p'.repeat(257)],
    ['budget', 'empty: no limit must not be any limit (H11)', {}],
    ['budget', 'null', null],
    ['budget', 'a list', ['calls']],
    ['budget', 'a text', '10'],
    ['budget', '17 meters', manyMeters(17)],
    ['budget', 'an empty meter', { '': '1' }],
    ['budget', 'a meter of 65 characters', { ['m'.repeat(65)]: '1' }],
    ['budget', 'a meter with a space', { 'E UR': '1' }],
    ['budget', 'a meter that is not ASCII', { '\u20ac': '1' }],
    ['budget', 'a meter with a line feed behind it', { 'EUR\n': '1' }],
    ['budget', 'a JSON number', { EUR: 10 }],
    ['budget', 'a negative limit', { EUR: '-1' }],
    ['budget', 'a negative zero', { EUR: '-0' }],
    ['budget', 'a plus sign', { EUR: '+1' }],
    ['budget', 'an exponent', { EUR: '1e3' }],
    ['budget', 'a leading zero', { EUR: '01' }],
    ['budget', 'no digit before the point', { EUR: '.5' }],
    ['budget', 'no digit behind the point', { EUR: '5.' }],
    ['budget', 'a comma', { EUR: '1,5' }],
    ['budget', 'a space', { EUR: ' 1' }],
    ['budget', 'digits that are not ASCII', { EUR: '\u0661' }],
    ['budget', 'an empty limit (H11)', { EUR: '' }],
    ['budget', 'a limit that is null (H11)', { EUR: null }],
    ['budget', 'Infinity', { EUR: 'Infinity' }],
    ['budget', '31 digits', { EUR: '1'.repeat(31) }],
    ['budget', '19 digits behind the point', { EUR: `0.${'1'.repeat(19)}` }],
    ['budget', 'half a call', { calls: '0.5' }],
    ['budget', 'calls with a point', { calls: '5.0' }],
    ['budget', 'one good meter beside a bad one', { EUR: '1', USD: 'x' }],
    ['approvals', 'empty (H11)', {}],
    ['approvals', 'null', null],
    ['approvals', 'a list of tools', ['refund']],
    ['approvals', 'no group for a tool (H11)', { refund: {} }],
    ['approvals', 'a tool with null', { refund: null }],
    ['approvals', 'a group and no count', { refund: 'finance' }],
    ['approvals', 'a count of zero', { refund: { finance: 0 } }],
    ['approvals', 'a negative count', { refund: { finance: -1 } }],
    ['approvals', 'a count of 17', { refund: { finance: 17 } }],
    ['approvals', 'half an approver', { refund: { finance: 1.5 } }],
    ['approvals', 'a count that is a text', { refund: { finance: '1' } }],
    ['approvals', 'true', { refund: { finance: true } }],
    ['approvals', 'a group without a name', { refund: { '': 1 } }],
    ['approvals', 'a group with an invisible character', { refund: { 'fin\u200bance': 1 } }],
    ['approvals', '65 tools', manyTools(65)],
    ['approvals', '17 groups', { refund: manyGroups(17) }],
    ['approvals', 'one good tool beside a bad one', { a: { g: 1 }, b: {} }],
    ['revocation', 'empty', {}],
    ['revocation', 'null', null],
    ['revocation', 'a list', [revocation]],
    ['revocation', 'no log', { epoch: 0, max_staleness: 60 }],
    ['revocation', 'no epoch', { log: 'l', max_staleness: 60 }],
    ['revocation', 'no staleness (H11)', { log: 'l', epoch: 0 }],
    ['revocation', 'one member more', { ...revocation, grace: 5 }],
    ['revocation', 'an empty log', { ...revocation, log: '' }],
    ['revocation', 'a log of 257 characters', { ...revocation, log: 'l'.repeat(257) }],
    ['revocation', 'a negative epoch', { ...revocation, epoch: -1 }],
    ['revocation', 'half an epoch', { ...revocation, epoch: 0.5 }],
    ['revocation', 'an epoch that is a text', { ...revocation, epoch: '0' }],
    ['revocation', 'an epoch of 2^53', { ...revocation, epoch: 2 ** 53 }],
    ['revocation', 'a staleness of zero', { ...revocation, max_staleness: 0 }],
    ['revocation', 'a staleness of null', { ...revocation, max_staleness: null }],
    ['revocation', 'a staleness beyond 90 days', { ...revocation, max_staleness: 7_776_001 }],
    ['definitions', 'empty (H11)', {}],
    ['definitions', 'null', null],
    ['definitions', 'a list', [hash]],
    ['definitions', 'a tool without a name', { '': hash }],
    ['definitions', 'an empty hash', { refund: '' }],
    ['definitions', 'null for a tool', { refund: null }],
    ['definitions', '42 characters', { refund: 'A'.repeat(42) }],
    ['definitions', '44 characters', { refund: `${'A'.repeat(43)}=` }],
    ['definitions', 'base64 of another alphabet', { refund: `+${'A'.repeat(42)}` }],
    ['definitions', 'trailing bits', { refund: `${'A'.repeat(42)}B` }],
    ['definitions', 'a list of hashes', { refund: [hash] }],
  ])('is refused out of shape: %s that is %s', (member, _what, value) => {
    const denial = { code: 'caveats_malformed', facts: { claim: member } };
    const root = markedRoot({ [member]: value });
    expect(verify([root], on)).toMatchObject({ denial: { ...denial, step: '3b', hop: 0 } });
    const plain = rootToken(TOOLS);
    const leaf = child(plain, { [member]: value });
    expect(verify([plain, leaf], on)).toMatchObject({ denial: { ...denial, step: '4b', hop: 1 } });
  });

  test.each([
    ['approvals', '"approvals":{"refund":{"finance":1.0}}'],
    ['approvals', '"approvals":{"refund":{"finance":1e0}}'],
    ['revocation', '"revocation":{"log":"l","epoch":1.0,"max_staleness":60}'],
    ['revocation', '"revocation":{"log":"l","epoch":1,"max_staleness":6e1}'],
  ])('takes integers that are written as such only: %s, %s', (member, text) => {
    const root = markedRoot({ purpose: 'x' });
    const payload = takeApart(root.compact).payload.replace('"purpose":"x"', text);
    expect(verify([forgePayload(root, payload)], on)).toMatchObject({
      denial: { code: 'caveats_malformed', facts: { claim: member } },
    });
    const whole = payload.replace('1.0', '1').replace('1e0', '1').replace('6e1', '60');
    expect(outcome(verify([forgePayload(root, whole)], on))).toBe('verified');
  });

  test('is handed out as something that nobody can change (X06, X07)', () => {
    const caveats = { budget: { calls: '1' }, approvals: { refund: { g: 1 } }, revocation };
    const { leaf } = verified([markedRoot(caveats)]);
    const read = leaf.claims.caveats;
    expect(() => Object.assign(read as object, { budget: undefined })).toThrow(TypeError);
    expect(() => Object.assign(read?.revocation as object, { maxStaleness: 9 })).toThrow(TypeError);
    for (const map of [read?.budget, read?.approvals, read?.approvals?.get('refund')])
      expect(() => (map as Map<string, unknown>).set('x', 1)).toThrow(TypeError);
  });
});

function asInit(caveats: ReturnType<typeof verified>['leaf']['claims']['caveats']): unknown {
  if (caveats === undefined) return undefined;
  const { tenant, purpose, budget, approvals, revocation: demanded, definitions } = caveats;
  const groups = [...(approvals ?? [])].map(([tool, counts]) => [tool, Object.fromEntries(counts)]);
  return {
    ...(tenant === undefined ? {} : { tenant }),
    ...(purpose === undefined ? {} : { purpose }),
    ...(budget === undefined ? {} : { budget: Object.fromEntries(budget) }),
    ...(approvals === undefined ? {} : { approvals: Object.fromEntries(groups) }),
    ...(demanded === undefined
      ? {}
      : {
          revocation: {
            log: demanded.log,
            epoch: demanded.epoch,
            max_staleness: demanded.maxStaleness,
          },
        }),
    ...(definitions === undefined ? {} : { definitions: Object.fromEntries(definitions) }),
  };
}

/** The same token over another payload, signed again by the root issuer. */
function forgePayload(token: { readonly compact: string }, payload: string): string {
  return forge({ header: takeApart(token.compact).header, payload, signature: issuer });
}
