import { BlockList, isIP } from 'node:net';
import { TaperError } from '@taper/core';

/**
 * IPv4 that is not on the public internet (IANA special-purpose registry), or reaches more than one host. 192.88.99.0/24 was 6to4's.
 */
const NOT_PUBLIC_V4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
];

/** Of IPv6 only this is public, but for what follows: nothing that stands for an IPv4 address is. */
const PUBLIC_V6: readonly [string, number] = ['2000::', 3];
const NOT_PUBLIC_V6: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const publicV6 = new BlockList();
publicV6.addSubnet(...PUBLIC_V6, 'ipv6');
const notPublic = new BlockList();
for (const [network, length] of NOT_PUBLIC_V4) notPublic.addSubnet(network, length, 'ipv4');
for (const [network, length] of NOT_PUBLIC_V6) notPublic.addSubnet(network, length, 'ipv6');

/** Whether a connection may be made to an address, as the resolver wrote it. */
export type AddressRule = (address: string) => boolean;

/**
 * Allows public addresses, and those of the networks that the operator names.
 * @param networks such as `10.1.0.0/16` or `fd00::/8`.
 * @throws {TaperError} `option_invalid`.
 */
export function addressRule(networks: readonly string[] = []): AddressRule {
  const allowed = new BlockList();
  for (const network of networks) allow(allowed, network);
  return (address) => {
    // A zone says that the address is of one link.
    const family = address.includes('%') ? 0 : isIP(address);
    if (family === 4) return allowed.check(address, 'ipv4') || !notPublic.check(address, 'ipv4');
    if (family !== 6) return false;
    // Node matches `::ffff:127.0.0.1` with networks of IPv4: it is no public address, and no operator writes one.
    return (
      (allowed.check(address, 'ipv6') && !isMapped(address)) ||
      (publicV6.check(address, 'ipv6') && !notPublic.check(address, 'ipv6'))
    );
  };
}

const mapped = new BlockList();
mapped.addSubnet('::ffff:0:0', 96, 'ipv6');

function isMapped(address: string): boolean {
  return mapped.check(address, 'ipv6');
}

function allow(list: BlockList, network: string): void {
  const [address = '', length = '', ...rest] = network.split('/');
  const family = isIP(address);
  const bits = /^(?:0|[1-9][0-9]{0,2})$/.test(length) ? Number(length) : Number.NaN;
  if (rest.length > 0 || family === 0 || !(bits <= (family === 4 ? 32 : 128))) {
    throw new TaperError('option_invalid', 'This is no network.', {
      hint: 'Write address and prefix length, such as 10.1.0.0/16.',
    });
  }
  list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6');
}
