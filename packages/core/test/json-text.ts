import fc from 'fast-check';

/** Number tokens: JSON's grammar, with the digits, zeros and exponents that sit on the edges of a double. */
export const numberToken: fc.Arbitrary<string> = fc
  .record({
    sign: fc.constantFrom('', '-'),
    integer: fc.oneof(
      fc.constantFrom('0', '1', '9007199254740992', '9007199254740993', '100000000000000000000'),
      fc.bigInt({ min: 0n, max: 10n ** 24n }).map(String),
      fc.nat().map(String),
    ),
    fraction: fc.oneof(
      fc.constantFrom('', '.0', '.5', '.000'),
      fc.nat().map((n) => `.0${n}`),
    ),
    exponent: fc.oneof(
      fc.constantFrom('', 'e0', 'E+21', 'e-7', 'e308', 'e309', 'e-323', 'e-330', 'e007'),
      fc.integer({ min: -345, max: 330 }).map((n) => `e${n}`),
    ),
  })
  .map(({ sign, integer, fraction, exponent }) => sign + integer + fraction + exponent);

const space = fc.constantFrom('', '', '', ' ', '\n\t', '\r');

/** String tokens whose characters are drawn from few, so that names meet each other under several spellings. */
const stringToken: fc.Arbitrary<string> = fc
  .array(
    fc
      .constantFrom(
        'a',
        '\\u0061',
        'b',
        '"',
        '0',
        '7',
        '\\n',
        '\\u000a',
        '\\/',
        '/',
        'é',
        '\\u00e9',
        '_',
      )
      .map((character) => (character === '"' ? '\\"' : character)),
    { maxLength: 3 },
  )
  .map((characters) => `"${characters.join('')}"`);

const oddString = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
  fc.constantFrom('"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d\\ude00"', '"\\\\ud800"', '"\ud800"'),
  fc.constantFrom('"__proto__"', '"\\u005f_proto__"', '"toString"', '"e+"', '"[[[["'),
);

/** JSON texts with white space, escapes, irregular numbers, and now and then a problem. */
export const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => {
  const padded = fc.tuple(space, tie('value'), space).map((parts) => parts.join(''));
  const name = fc.oneof(
    { weight: 20, arbitrary: stringToken },
    { weight: 1, arbitrary: oddString },
  );
  const member = fc
    .tuple(space, name, space, padded)
    .map(([before, text, after, value]) => `${before}${text}${after}:${value}`);
  return {
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom('null', 'true', 'false', '0', '1', '-0', '1.5', '1e+21'),
      numberToken,
      stringToken,
      fc.oneof({ weight: 9, arbitrary: stringToken }, { weight: 1, arbitrary: oddString }),
      fc.array(padded, { maxLength: 4 }).map((values) => `[${values.join(',')}]`),
      fc.array(member, { maxLength: 4 }).map((members) => `{${members.join(',')}}`),
    ),
  };
}).value;

/** JSON texts with a few characters taken out, put in or doubled. */
export const mutatedJsonText: fc.Arbitrary<string> = fc
  .tuple(
    fc.oneof(jsonText, fc.json()),
    fc.array(
      fc.record({
        at: fc.nat(),
        drop: fc.nat({ max: 2 }),
        put: fc.constantFrom(
          '',
          '"',
          '\\',
          '{',
          '}',
          '[',
          ']',
          ',',
          ':',
          '0',
          '-',
          '.',
          'e',
          ' ',
          '\u0000',
          'u',
          '\ud800',
        ),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  )
  .map(([text, edits]) =>
    edits.reduce((current, { at, drop, put }) => {
      const start = at % (current.length + 1);
      return current.slice(0, start) + put + current.slice(start + drop);
    }, text),
  );
