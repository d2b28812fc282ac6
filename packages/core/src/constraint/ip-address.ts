/** An address as a number of 32 or 128 bits. */
export interface IpAddress {
  readonly width: 32 | 128;
  readonly bits: bigint;
}

/**
 * Parses the one canonical text of an address: IPv4 as four decimal octets without leading zeros, IPv6 as RFC 5952
 * section 4 writes it. Undefined for every other form: IPv4 in octal, hexadecimal or fewer parts, IPv6 with a zone,
 * upper case or a dotted tail, and IPv4-mapped IPv6 (`::ffff:0:0/96`), which would be a second name for an IPv4 address.
 */
export function parseIpAddress(text: string): IpAddress | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): IpAddress | undefined {
  if (text.length > '255.255.255.255'.length) return undefined;
  const octets = text.split('.');
  if (octets.length !== 4) return undefined;
  if (!octets.every((octet) => /^(?:0|[1-9][0-9]{0,2})$/.test(octet) && Number(octet) <= 255)) {
    return undefined;
  }
  return { width: 32, bits: join(octets.map(Number), 8n) };
}

function parseIpv6(text: string): IpAddress | undefined {
  if (text.length > 39) return undefined;
  const [head = '', tail] = text.split('::');
  const [front, back] = [groupsOf(head), groupsOf(tail ?? '')];
  const missing = 8 - front.length - back.length;
  if (tail === undefined ? missing !== 0 : missing < 2) return undefined;
  const groups = [...front, ...Array<number>(missing).fill(0), ...back];
  if (groups.some(Number.isNaN)) return undefined;
  // Writing the groups again settles the rest of the form at once: leading zeros, which run is shortened, a second `::`.
  if (formatIpv6(groups) !== text) return undefined;
  const bits = join(groups, 16n);
  return bits >> 32n === 0xffffn ? undefined : { width: 128, bits };
}

/** NaN stands for what is no group of one to four hexadecimal digits. */
function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text
    .split(':')
    .map((group) => (/^[0-9a-f]{1,4}$/.test(group) ? parseInt(group, 16) : NaN));
}

/** RFC 5952 section 4: lower case, no leading zeros, `::` for the longest run of at least two zero groups, the first of equals. */
function formatIpv6(groups: readonly number[]): string {
  let run = { start: 0, length: 1 };
  for (let start = 0; start < groups.length; start += 1) {
    let end = start;
    while (groups[end] === 0) end += 1;
    if (end - start > run.length) run = { start, length: end - start };
  }
  const hex = groups.map((group) => group.toString(16));
  if (run.length < 2) return hex.join(':');
  return `${hex.slice(0, run.start).join(':')}::${hex.slice(run.start + run.length).join(':')}`;
}

function join(parts: readonly number[], size: bigint): bigint {
  return parts.reduce((bits, part) => (bits << size) | BigInt(part), 0n);
}
