import { clientAddress } from '@taper/authority/http';
import { describe, expect, it } from 'vitest';

describe('whose request it is', () => {
  it('is the peer of the connection, where no proxy is trusted, whatever a header says', () => {
    expect(clientAddress('192.0.2.1', '198.51.100.7', 0)).toBe('192.0.2.1');
    expect(clientAddress('::ffff:192.0.2.1', null, 0)).toBe('192.0.2.1');
  });

  it('is what the outermost of the trusted proxies saw', () => {
    expect(clientAddress('10.0.0.1', '203.0.113.9, 198.51.100.7', 1)).toBe('198.51.100.7');
    expect(clientAddress('10.0.0.1', 'forged, 203.0.113.9, 10.0.0.2', 2)).toBe('203.0.113.9');
  });

  it('is the peer where the proxies wrote nothing that is an address', () => {
    expect(clientAddress('10.0.0.1', null, 1)).toBe('10.0.0.1');
    expect(clientAddress('10.0.0.1', 'unknown', 1)).toBe('10.0.0.1');
  });

  it('is an address without its port, which the client chooses (Z09)', () => {
    expect(clientAddress('10.0.0.1', '198.51.100.7:50001', 1)).toBe('198.51.100.7');
    expect(clientAddress('10.0.0.1', '::FFFF:198.51.100.7', 1)).toBe('198.51.100.7');
  });

  it('counts a /64 of IPv6 as one', () => {
    const first = clientAddress('2001:db8:1:2:3:4:5:6', null, 0);
    expect(clientAddress('2001:db8:1:2::9', null, 0)).toBe(first);
    expect(clientAddress('2001:db8:1:3::9', null, 0)).not.toBe(first);
  });
});
