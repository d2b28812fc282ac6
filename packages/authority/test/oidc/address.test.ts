import { describe, expect, it } from 'vitest';
import { addressRule } from '../../src/oidc/address.ts';

const NOT_PUBLIC = [
  '0.0.0.0',
  '10.0.0.1',
  '100.64.0.1',
  '127.0.0.1',
  '127.255.255.254',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.1',
  '192.0.2.1',
  '192.168.1.1',
  '198.18.0.1',
  '203.0.113.1',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::ffff:127.0.0.1',
  '::ffff:8.8.8.8',
  '::ffff:169.254.169.254',
  '64:ff9b::7f00:1',
  '100::1',
  'fc00::1',
  'fd00:ec2::254',
  'fe80::1',
  'fe80::1%eth0',
  'ff02::1',
  '2001:db8::1',
  '2002:7f00:1::',
];

describe('addresses to which a connection is made', () => {
  it.each(NOT_PUBLIC)('refuse %s (W01)', (address) => {
    expect(addressRule()(address)).toBe(false);
  });

  it.each(['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450:4001::1'])(
    'allow %s, which is public',
    (address) => {
      expect(addressRule()(address)).toBe(true);
    },
  );

  it.each(['', 'localhost', '0x7f000001', '2130706433', '127.1', '8.8.8.8 ', '8.8.8.8:80'])(
    'refuse %j, which is none (W01)',
    (address) => {
      expect(addressRule(['0.0.0.0/0', '::/0'])(address)).toBe(false);
    },
  );

  it('allow a private network that the operator names, and none beside it', () => {
    const rule = addressRule(['10.1.0.0/16', 'fd00:1::/32']);
    expect(rule('10.1.255.1')).toBe(true);
    expect(rule('10.2.0.1')).toBe(false);
    expect(rule('fd00:1::1')).toBe(true);
    expect(rule('fd00:2::1')).toBe(false);
    expect(rule('::ffff:10.1.0.1')).toBe(false);
  });

  it.each(['10.0.0.0', '10.0.0.0/33', '10.0.0.0/8/8', 'fd00::/129', 'x/8', '10.0.0.0/-1', '/8'])(
    'are not named by %j (Z03)',
    (network) => {
      expect(() => addressRule([network])).toThrow(
        expect.objectContaining({ code: 'option_invalid' }),
      );
    },
  );
});
