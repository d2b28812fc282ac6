import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cidr } from '../../src/constraint/cidr.ts';
import { parseIpAddress } from '../../src/constraint/ip-address.ts';
import type { JsonValue } from '../../src/constraint/type.ts';
import { make, NO_CLAUSES, wellFormed } from './soundness.ts';
import { universeOf } from './universe.ts';

function admits(network: string, value: JsonValue): boolean {
  return cidr.check(make(cidr, { network }), value, NO_CLAUSES);
}

const anywhere = (value: JsonValue): boolean => admits('0.0.0.0/0', value) || admits('::/0', value);

describe('network', () => {
  test.each([
    ['10.0.0.0/8', ['10.0.0.0', '10.255.255.255'], ['9.255.255.255', '11.0.0.0']],
    ['10.1.2.128/25', ['10.1.2.128', '10.1.2.255'], ['10.1.2.127', '10.1.3.0']],
    ['172.16.0.0/12', ['172.16.0.0', '172.31.255.255'], ['172.15.255.255', '172.32.0.0']],
    ['192.168.1.1/32', ['192.168.1.1'], ['192.168.1.0', '192.168.1.2']],
    ['128.0.0.0/1', ['128.0.0.0', '255.255.255.255'], ['127.255.255.255']],
    [
      '2001:db8::/32',
      ['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'],
      ['2001:db7:ffff::1', '2001:db9::'],
    ],
    ['2001:db8:8000::/33', ['2001:db8:8000::', '2001:db8:ffff::1'], ['2001:db8:7fff::1']],
    ['fe80::/10', ['fe80::1', 'febf::1'], ['fe7f::1', 'fec0::1']],
    ['::1/128', ['::1'], ['::', '::2']],
  ])('%s holds its first and last address and not their neighbours', (network, inside, outside) => {
    expect(inside.filter((value) => admits(network, value))).toEqual(inside);
    expect(outside.filter((value) => admits(network, value))).toEqual([]);
  });

  test('H17 /0 is every address of its own family and none of the other', () => {
    expect(admits('0.0.0.0/0', '255.255.255.255')).toBe(true);
    expect(admits('0.0.0.0/0', '::1')).toBe(false);
    expect(admits('::/0', 'ffff::1')).toBe(true);
    expect(admits('::/0', '127.0.0.1')).toBe(false);
    expect(admits('::/96', '127.0.0.1')).toBe(false);
  });
});

describe('address', () => {
  test.each([
    '0177.0.0.1',
    '0x7f.0.0.1',
    '0x7f000001',
    '2130706433',
    '017700000001',
    '127.1',
    '127.0.1',
    '127.0.0.01',
    '127.00.0.1',
    '127.0.0.0x1',
  ])('H17 %j: octal, hexadecimal, short and whole-number IPv4', (value) => {
    expect(anywhere(value)).toBe(false);
  });

  test.each([
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:0:0',
    '::FFFF:7f00:1',
    '0:0:0:0:0:ffff:7f00:1',
    '::ffff:ffff:ffff',
    '::127.0.0.1',
    '64:ff9b::127.0.0.1',
  ])('H17 %j: IPv4-mapped IPv6, and IPv6 with a dotted tail', (value) => {
    expect(anywhere(value)).toBe(false);
  });

  test('H17 what only lies near the mapped range is an address of its own', () => {
    expect(anywhere('::fffe:7f00:1')).toBe(true);
    expect(anywhere('::1:ffff:7f00:1')).toBe(true);
    expect(anywhere('::7f00:1')).toBe(true);
  });

  test.each(['fe80::1%eth0', 'fe80::1%25eth0', 'fe80::1%1', '::1%', '127.0.0.1%lo'])(
    'H17 %j: zone',
    (value) => {
      expect(anywhere(value)).toBe(false);
    },
  );

  test.each([
    '2001:DB8::1',
    '2001:db8::0001',
    '2001:0db8::1',
    '2001:db8:0:0:0:0:0:1',
    '2001:db8::0:1',
    '0::1',
    '::0',
    '0:0:0:0:0:0:0:0',
    '2001:db8:0:0:1::1',
    '2001:db8::1:0:0:1:1:1',
    '1:2:3:4:5:6:7::',
    '::2:3:4:5:6:7:8',
    '1::3:4:5:6:7:8',
  ])('H17 %j: IPv6 in another spelling than RFC 5952', (value) => {
    expect(anywhere(value)).toBe(false);
  });

  test.each([
    '2001:db8::1',
    '2001:db8:0:1:1:1:1:1',
    '2001:db8::1:0:0:1',
    '2001:0:0:1::1',
    '1:0:3:4:5:6:7:8',
    '1:2:3:4:5:6:0:8',
    '::',
    '1::',
    '::2:3:4:5:6:7',
  ])('%j is RFC 5952 text', (value) => {
    expect(anywhere(value)).toBe(true);
  });

  test.each([
    '',
    '1',
    'localhost',
    '127.0.0.1:80',
    '[::1]',
    '[::1]:80',
    '127.0.0.1/32',
    '10.0.0.0/8',
    '::1/128',
    '127.0.0.1.',
    '.127.0.0.1',
    '127.0.0',
    '127.0.0.1.1',
    '127..0.1',
    '256.0.0.1',
    '127.0.0.-1',
    '127.0.0.+1',
    '1e1.0.0.1',
    '::1::',
    ':::',
    ':1',
    '1:',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '12345::',
    'g::',
    '-1::',
    '::NaN',
    '1:2:3:4:5:6:7:NaN',
    '::undefined',
    '::1e1.',
  ])('H17 %j is no address', (value) => {
    expect(anywhere(value)).toBe(false);
  });

  test.each([
    ' 127.0.0.1',
    '127.0.0.1 ',
    '127.0.0.1\n',
    '127.0.0.1\u0000',
    '\uff11\uff12\uff17.0.0.1',
    '127\u30020\u30020\u30021',
    '\u0661.0.0.1',
    '127.0.0.1,10.0.0.1',
  ])('H08 H10 %j: nothing around it, ASCII only', (value) => {
    expect(anywhere(value)).toBe(false);
  });

  test.each([
    [2130706433],
    [127],
    [null],
    [true],
    [['127.0.0.1']],
    [{}],
    ['1'.repeat(100_000)],
    [':'.repeat(100_000)],
  ])('H14 %j is no address', (value) => {
    expect(anywhere(value)).toBe(false);
  });
});

describe('well-formedness', () => {
  test.each([
    '0.0.0.0/0',
    '10.0.0.0/8',
    '10.1.2.3/32',
    '255.255.255.255/32',
    '::/0',
    '::/128',
    '2001:db8::/32',
    '2001:db8:8000::/33',
    '::/96',
  ])('%s is well-formed', (network) => {
    expect(wellFormed(cidr, { network })).toBe(true);
  });

  test.each([
    '10.0.0.1/8',
    '10.128.0.0/8',
    '10.1.2.3/31',
    '128.0.0.0/0',
    '0.0.0.1/0',
    '2001:db8::1/32',
    '2001:db8:8000::/32',
    '::1/127',
    '8000::/0',
  ])('H17 %s: a bit behind the prefix', (network) => {
    expect(wellFormed(cidr, { network })).toBe(false);
  });

  test.each([
    '10.0.0.0',
    '10.0.0.0/',
    '/8',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/08',
    '10.0.0.0/+8',
    '10.0.0.0/-0',
    '10.0.0.0/ 8',
    '10.0.0.0/8 ',
    '10.0.0.0/8/8',
    '10.0.0.0/8.0',
    '10.0.0.0/1e1',
    '10.0.0.0/255.0.0.0',
    '10/8',
    '10.0.0/8',
    '010.0.0.0/8',
    '::ffff:0:0/96',
    '::ffff:7f00:0/104',
    '::ffff:127.0.0.0/104',
    '2001:DB8::/32',
    '2001:db8:0::/48',
    'fe80::%1/10',
    '[::]/0',
    '*',
    '',
    '0/0',
  ])('H17 %j is malformed', (network) => {
    expect(wellFormed(cidr, { network })).toBe(false);
  });

  test.each([[undefined], [null], [0], [['10.0.0.0/8']], [{}]])(
    'H11 network %j is malformed',
    (network) => {
      expect(wellFormed(cidr, network === undefined ? {} : { network })).toBe(false);
    },
  );
});

test('any string at all gets a verdict without an exception', () => {
  const piece = fc.constantFrom(
    ':',
    '::',
    '.',
    '/',
    '0',
    '1',
    'f',
    'NaN',
    'Infinity',
    '-',
    'e',
    'x',
    '%',
  );
  const text = fc.oneof(
    fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(text, (value) => {
      expect(typeof anywhere(value)).toBe('boolean');
      expect(typeof wellFormed(cidr, { network: value })).toBe('boolean');
    }),
    { numRuns: 5000 },
  );
});

describe('agrees with others', () => {
  test("membership agrees with Node's block list", () => {
    const { constraints, values } = universeOf('cidr');
    const addresses = values
      .filter((value) => typeof value === 'string' && anywhere(value))
      .map(String);
    expect(addresses.length).toBeGreaterThan(100);
    for (const { network } of constraints) {
      const [address = '', prefix] = String(network).split('/');
      const list = new BlockList();
      list.addSubnet(address, Number(prefix), address.includes(':') ? 'ipv6' : 'ipv4');
      for (const value of addresses) {
        const family = value.includes(':') ? 'ipv6' : 'ipv4';
        const same = family === (address.includes(':') ? 'ipv6' : 'ipv4');
        expect([network, value, admits(String(network), value)]).toEqual([
          network,
          value,
          same && list.check(value, family),
        ]);
      }
    }
  });

  test('canonical text agrees with the serializer of the WHATWG URL parser', () => {
    const part = fc.constantFrom(
      '0',
      '0',
      '0',
      '1',
      'a',
      'ffff',
      '0db8',
      'A',
      '10',
      '',
      '1.2.3.4',
      '01',
      '00',
    );
    const text = fc.oneof(
      fc.array(part, { minLength: 1, maxLength: 9 }).map((groups) => groups.join(':')),
      fc
        .tuple(fc.array(part, { maxLength: 5 }), fc.array(part, { maxLength: 5 }))
        .map(([front, back]) => `${front.join(':')}::${back.join(':')}`),
      fc.ipV6(),
      fc
        .array(fc.constantFrom('0', '1', '255', '256', '01', '0x1', ''), {
          minLength: 3,
          maxLength: 5,
        })
        .map((octets) => octets.join('.')),
      fc.ipV4(),
    );
    let canonical = 0;
    fc.assert(
      fc.property(text, (value) => {
        const host = value.includes(':') ? `[${value}]` : value;
        const url = URL.parse(`http://${host}/`);
        const mapped = value.startsWith('::ffff:') && value.split(':').length === 5;
        const expected = url !== null && url.hostname === host && isIP(value) !== 0 && !mapped;
        if (expected) canonical += 1;
        expect([value, parseIpAddress(value) !== undefined]).toEqual([value, expected]);
      }),
      { numRuns: 10_000 },
    );
    expect(canonical).toBeGreaterThan(500);
  });
});
