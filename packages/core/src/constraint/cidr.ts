import type { JsonValue } from '../json.ts';
import { listsOnly } from './enumerated.ts';
import { type IpAddress, parseIpAddress } from './ip-address.ts';
import { oncePerConstraint } from './once.ts';
import type { Constraint, ConstraintType } from './type.ts';

interface Network {
  readonly address: IpAddress;
  /** Leading bits that an address of the network shares. */
  readonly prefix: number;
}

/**
 * `cidr`: a single IPv4 or IPv6 address, in canonical text, within `network`. A network never holds an address of
 * the other family. Rules and reasons: `docs/constraints/cidr.md`.
 */
export const cidr: ConstraintType = {
  name: 'cidr',
  members: ['network'],
  validate: ({ network }) =>
    parseNetwork(network) === undefined
      ? '`network` must be a canonical address, a slash and a prefix length, with no bit set behind the prefix'
      : undefined,
  check,
  subsumes(parent, child) {
    if (child.constraint_type !== 'cidr') return listsOnly(child, (value) => check(parent, value));
    const [outer, inner] = [networkOf(parent), networkOf(child)];
    return inner.prefix >= outer.prefix && holds(outer, inner.address);
  },
  // One of two networks lies within the other, or they share nothing.
  meet: () => undefined,
};

function check(constraint: Constraint, value: JsonValue): boolean {
  if (typeof value !== 'string') return false;
  const address = parseIpAddress(value);
  return address !== undefined && holds(networkOf(constraint), address);
}

function holds({ address, prefix }: Network, { width, bits }: IpAddress): boolean {
  return width === address.width && (bits ^ address.bits) >> BigInt(width - prefix) === 0n;
}

const networkOf: (constraint: Constraint) => Network = oncePerConstraint((constraint) => {
  const network = parseNetwork(constraint['network']);
  if (network === undefined) throw new Error('a cidr reached evaluation without validation');
  return network;
});

function parseNetwork(value: JsonValue | undefined): Network | undefined {
  if (typeof value !== 'string') return undefined;
  const [text = '', length = '', ...more] = value.split('/', 3);
  if (more.length > 0 || !/^(?:0|[1-9][0-9]{0,2})$/.test(length)) return undefined;
  const address = parseIpAddress(text);
  const prefix = Number(length);
  if (address === undefined || prefix > address.width) return undefined;
  const behind = BigInt.asUintN(address.width - prefix, address.bits);
  return behind === 0n ? { address, prefix } : undefined;
}
