import { forge, forgeSegments, takeApart, tokenHeader } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { canonicalize, type JsonValue, parseJson } from '../../src/index.ts';
import { canonicalizeParsed } from '../../src/jcs.ts';
import {
  alice,
  call,
  exact,
  ISSUER,
  issuer,
  outcome,
  payloadOf,
  place,
  proofOf,
  rootToken,
  verify,
} from './attacker.ts';

// Group C of the attack catalogue: encodings and canonical forms.

const tools = { read: { path: exact('/a') } };
const root = rootToken(tools);
const ARGS = { path: '/a' };

/** A root whose payload is this text, truly signed by the issuer. */
function signedText(payload: string | Uint8Array): string {
  return forge({ header: tokenHeader(issuer), payload, signature: issuer });
}

function payloadText(): string {
  return payloadOf(alice, tools, 0, { iss: ISSUER });
}

describe('a second spelling of the same bytes', () => {
  const [header, payload, signature] = root.compact.split('.') as [string, string, string];
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  /** 64 bytes end in a character of which only two bits count. */
  const last = alphabet.indexOf(signature.at(-1) as string);
  const trailing = signature.slice(0, -1) + alphabet[last + 1];

  test.each<[string, string]>([
    ['non-zero trailing bits', trailing],
    ['padding', `${signature}==`],
    ['a line feed', `${signature}\n`],
    ['a space inside', `${signature.slice(0, 8)} ${signature.slice(8)}`],
    ['the other alphabet', `+/${signature.slice(2)}`],
    [
      'a letter whose low byte is right',
      String.fromCharCode(0x100 + signature.charCodeAt(0)) + signature.slice(1),
    ],
  ])('C01 C02 is refused in the signature: %s', (_what, spelled) => {
    expect(Buffer.from(trailing, 'base64url')).toEqual(Buffer.from(signature, 'base64url'));
    expect(place(verify([`${header}.${payload}.${spelled}`]))).toBe('signature_malformed 3b 0');
  });

  test.each(['=', '\n', ' ', '%3D', '\u0000'])(
    'C01 C02 is refused in header and payload, even where the signature covers it: %j',
    (junk) => {
      expect(place(verify([forgeSegments(header + junk, payload, issuer)]))).toBe(
        'token_malformed 3a 0',
      );
      expect(place(verify([forgeSegments(header, payload + junk, issuer)]))).toBe(
        'token_id_unreadable 2c 0',
      );
    },
  );

  test('C12 of a token is another token: claims and hash come from the very text that was signed', () => {
    const [plain, spaced] = [payloadText(), ''].map((_, index, [text]) =>
      index === 0 ? (text as string) : (text as string).replaceAll(',"', ' ,\n "'),
    ) as [string, string];
    const hashes = [plain, spaced].map((text) => {
      const verdict = verify([signedText(text)]);
      expect(outcome(verdict)).toBe('verified');
      return verdict.verdict === 'verified' && verdict.chain.leaf.hash;
    });
    expect(hashes[0]).not.toBe(hashes[1]);
  });
});

describe('a member that stands twice', () => {
  const repeat = (name: string, value: string): string => {
    const text = payloadText();
    return `${text.slice(0, -1)},${name}:${value}}`;
  };
  test.each<[string, string, string]>([
    ['exp', '"exp"', '9999999999'],
    ['exp, with an escape', '"\\u0065xp"', '9999999999'],
    ['aud', '"iss"', '"https://evil.example"'],
    ['del_max_depth', '"del_max_depth"', '8'],
    ['authorization_details', '"authorization_details"', '[]'],
    ['cnf', '"cnf"', '{}'],
    ['an escaped claim that decides nothing', '"a":1,"\\u0061"', '2'],
  ])('C04 C05 is refused: %s', (_what, name, value) => {
    expect(place(verify([signedText(repeat(name, value))]))).toBe('claims_duplicate_member 3b 0');
  });

  test('C04 is refused inside of a constraint map, where it would hide a constraint', () => {
    const text = payloadText().replace(
      '"path":{',
      '"path":{"constraint_type":"wildcard"},"path":{',
    );
    expect(place(verify([signedText(text)]))).toBe('claims_duplicate_member 3b 0');
  });

  test('C04 K10 is refused in arguments and in a proof', () => {
    const text = '{"path":"/b","path":"/a"}';
    expect(place(call([root], 'read', text, { proof: proofOf(root, 'read', ARGS) }))).toBe(
      'arguments_malformed 6b',
    );
    const { header, payload } = takeApart(proofOf(root, 'read', ARGS));
    const proof = forge({
      header,
      payload: payload.replace('"hta":{', '"hta":{"path":"/b",'),
      signature: alice,
    });
    expect(place(call([root], 'read', ARGS, { proof }))).toBe('claims_duplicate_member 7b');
  });

  test('C05 in another case is another claim, which decides nothing', () => {
    const text = `${payloadText().slice(0, -1)},"Exp":1,"AUD":["https://evil.example"]}`;
    expect(outcome(verify([signedText(text)]))).toBe('verified');
  });
});

describe('text that is no JSON, or more than one', () => {
  test.each<[string, (text: string) => string | Uint8Array]>([
    ['a byte order mark', (text) => `\ufeff${text}`],
    ['something behind it', (text) => `${text} x`],
    ['a second document', (text) => text + text],
    ['a comment', (text) => text.replace('{', '{/* */')],
    ['a trailing comma', (text) => text.replace(/\}$/, ',}')],
    ['single quotes', (text) => text.replaceAll('"', "'")],
    ['NaN', (text) => `${text.slice(0, -1)},"x":NaN}`],
    ['Infinity', (text) => `${text.slice(0, -1)},"x":Infinity}`],
    ['a hexadecimal number', (text) => `${text.slice(0, -1)},"x":0x10}`],
    ['a raw control character', (text) => `${text.slice(0, -1)},"x":"\u0001"}`],
    ['a lone surrogate, escaped', (text) => `${text.slice(0, -1)},"x":"\\ud800"}`],
    ['an array around it', (text) => `[${text}]`],
    ['UTF-16', (text) => Buffer.from(text, 'utf16le')],
    [
      'bytes that are no UTF-8',
      (text) => Buffer.from(`${text.slice(0, -1)},"x":"\xff"}`, 'latin1'),
    ],
    ['an overlong form', (text) => Buffer.concat([Buffer.from([0xc0, 0xaf]), Buffer.from(text)])],
    ['nothing', () => ''],
    ['null', () => 'null'],
  ])('C07 C08 C09 is refused as a payload: %s', (_what, change) => {
    const verdict = verify([signedText(change(payloadText()))]);
    expect(['claims_malformed', 'token_id_unreadable', 'token_malformed']).toContain(
      outcome(verdict),
    );
  });

  test.each(['\ud800', 'a\udc00', '\udbff\ud800'])(
    'C07 a lone surrogate is refused in arguments, as text and as an object: %j',
    (path) => {
      const open = rootToken({ read: {} });
      const proof = proofOf(open, 'read', {});
      for (const args of [
        JSON.stringify({ path }),
        `{"path":"${path}"}`,
        { path },
        { [path]: 1 },
      ]) {
        expect(place(call([open], 'read', args, { proof }))).toBe('arguments_malformed 6b');
      }
    },
  );
});

describe('a number that is written otherwise', () => {
  test.each(['1.0', '1e0', '-0', '"1"', 'true', 'null', '1e400', '9007199254740993', '[1]', '{}'])(
    'C11 G03 is no depth: %s',
    (number) => {
      for (const claim of ['del_depth', 'del_max_depth']) {
        const text = payloadText().replace(new RegExp(`("${claim}":)[0-9]+`), `$1${number}`);
        expect(['depth_claim_invalid', 'max_depth_invalid']).toContain(
          outcome(verify([signedText(text)])),
        );
      }
    },
  );

  test.each([
    '9007199254740993',
    '1.00000000000000001',
    '1e400',
    '1e-400',
    '0.1000000000000000055',
    '4e-324',
  ])('C11 I03 R12 is refused where it would mean another number: %s', (number) => {
    const open = rootToken({ read: {} });
    const proof = proofOf(open, 'read', { n: 1 });
    expect(place(call([open], 'read', `{"n":${number}}`, { proof }))).toBe(
      'argument_number_inadmissible 6b',
    );
    const text = payloadText().replace('"value":"/a"', `"value":${number}`);
    expect(place(verify([signedText(text)]))).toBe('constraint_malformed 3n 0');
  });

  test.each([
    ['1.0', 1],
    ['1e0', 1],
    ['-0', 0],
    ['1E+21', 1e21],
    ['100e-2', 1],
    ['5e-324', 5e-324],
    ['9007199254740994', 9007199254740994],
  ])('C11 is the same value to constraint and proof where it means the same: %s', (text, value) => {
    const limited = rootToken({ read: { n: exact(value) } });
    const decision = call([limited], 'read', `{"n":${text}}`, {
      proof: proofOf(limited, 'read', { n: value }),
    });
    expect(outcome(decision)).toBe('permit');
  });

  test('C11 with 10^6 digits of exponent is refused', () => {
    const open = rootToken({ read: {} });
    const text = `{"n":1e1${'0'.repeat(1000)}}`;
    expect(place(call([open], 'read', text, { proof: proofOf(open, 'read', {}) }))).toBe(
      'argument_number_inadmissible 6b',
    );
  });
});

describe('one canonical form', () => {
  test('C13 X05 has no place for what is absent', () => {
    for (const value of [undefined, { a: undefined }, [undefined], Symbol('a'), () => 0]) {
      expect(() => canonicalize(value)).toThrow(expect.objectContaining({ code: 'json_invalid' }));
    }
    const open = rootToken({ read: {} });
    expect(outcome(call([open], 'read', { a: null }))).toBe('permit');
    expect(place(call([open], 'read', {}, { proof: proofOf(open, 'read', { a: null }) }))).toBe(
      'proof_arguments_mismatch 7f',
    );
    expect(
      place(call([open], 'read', { a: undefined }, { proof: proofOf(open, 'read', {}) })),
    ).toBe('arguments_malformed 6b');
  });

  test.each<JsonValue>([
    { b: [1, -0, 1e21, 0.1], a: { é: 'é\u2028"\\\u0001', '': null, 10: true, 9: false } },
    [[], {}, '', 0, [[[]]]],
    { '\u{1f600}': 1, '\ufb33': 2, toString: 3, constructor: [] },
  ])(
    'C10 C15 is written alike for values that are checked and values that were parsed: %j',
    (value) => {
      const parsed = parseJson(JSON.stringify(value));
      expect(parsed.ok && canonicalizeParsed(parsed.value)).toBe(canonicalize(value));
    },
  );

  test('C17 normalizes nothing: composed and decomposed names are two', () => {
    const [composed, decomposed] = ['caf\u00e9', 'cafe\u0301'];
    const token = rootToken({ [composed]: {} });
    expect(outcome(call([token], composed, {}))).toBe('permit');
    expect(outcome(call([token], decomposed, {}))).toBe('tool_not_granted');
    const open = rootToken({ read: {} });
    const proof = proofOf(open, 'read', { name: composed });
    expect(outcome(call([open], 'read', { name: decomposed }, { proof }))).toBe(
      'proof_arguments_mismatch',
    );
  });

  test('C14 what is hashed or signed has its boundaries in it', () => {
    const [header, payload] = root.compact.split('.') as [string, string];
    const shifted = `${header}${payload.slice(0, 4)}.${payload.slice(4)}`;
    expect(verify([`${shifted}.${root.compact.split('.')[2]}`]).verdict).toBe('deny');
    expect(outcome(call([root], 'read', ARGS, { proof: proofOf(root, 'rea', { d: 1 }) }))).toBe(
      'proof_tool_mismatch',
    );
  });

  test('C16 that hostile input breaks is a refusal, not a crash', () => {
    const cycle: { [name: string]: unknown } = {};
    cycle['self'] = cycle;
    let deep: unknown = 1;
    for (let level = 0; level < 100_000; level += 1) deep = [deep];
    const open = rootToken({ read: {} });
    const proof = proofOf(open, 'read', {});
    for (const args of [
      cycle,
      { deep },
      { a: 1n },
      { a: Number.NaN },
      new Map(),
      { toJSON: () => ({}) },
    ]) {
      expect(place(call([open], 'read', args, { proof }))).toBe('arguments_malformed 6b');
    }
  });
});
