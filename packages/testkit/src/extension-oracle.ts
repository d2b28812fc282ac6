import { BlockList, isIP } from 'node:net';
import type { JsonObject, JsonValue } from '@taper/core';

/**
 * What the extension constraint types accept, written from their documentation and apart from core, so that a test can
 * disagree with it. Constraints are taken to be well-formed. Other means than core's on purpose: the platform's URL
 * parser, its IP block lists, its calendar.
 */
export const EXTENSION_ORACLE: Readonly<
  Record<string, (constraint: JsonObject, value: JsonValue) => boolean>
> = {
  path: (constraint, value) =>
    isNormalPath(value) && reaches(constraint['root'], constraint['reach'], value),
  url: (constraint, value) => typeof value === 'string' && acceptsUrl(constraint, value),
  decimal: (constraint, value) => typeof value === 'string' && acceptsDecimal(constraint, value),
  instant: (constraint, value) => typeof value === 'string' && acceptsInstant(constraint, value),
  cidr: (constraint, value) => typeof value === 'string' && acceptsAddress(constraint, value),
};

function isNormalPath(value: JsonValue | undefined): value is string {
  if (typeof value !== 'string' || !value.startsWith('/') || value.length > 4096) return false;
  return value === '/' || value.slice(1).split('/').every(isNormalSegment);
}

/** Nothing that a file system or server would drop, fold or split at; visible text only. */
function isNormalSegment(text: string): boolean {
  if (text === '' || /[. ]$/.test(text) || /[\\%:\p{C}\p{Z}]/u.test(text.replaceAll(' ', '')))
    return false;
  return !/[\u2024-\u2026\u2044\u2215\u2216\uff05\uff0e\uff0f\uff1a\uff3c\ufe68]/u.test(text);
}

/** Segment-wise, by lists of segments. */
function reaches(root: JsonValue | undefined, reach: JsonValue | undefined, path: string): boolean {
  const segmentsOf = (text: string): string[] => text.split('/').filter((part) => part !== '');
  const above = segmentsOf(root as string);
  const below = segmentsOf(path);
  if (above.some((part, index) => below[index] !== part)) return false;
  const distance = below.length - above.length;
  switch (reach) {
    case 'self':
      return distance === 0;
    case 'children':
      return distance === 1;
    case 'descendants':
      return distance >= 1;
    case 'subtree':
      return distance >= 0;
    default:
      return false;
  }
}

function acceptsUrl(constraint: JsonObject, value: string): boolean {
  const parsed = URL.parse(value);
  if (parsed === null || parsed.href !== value || value.length > 4096) return false;
  if (value.includes('@') && parsed.username + parsed.password !== '') return false;
  if (value.includes('#') || parsed.hostname.endsWith('.')) return false;
  if (value.endsWith('?') || (value.includes('?') && constraint['query'] !== 'any')) return false;
  const scheme = parsed.protocol.slice(0, -1);
  const { schemes, host, host_suffix: suffix, path } = constraint;
  if (!(schemes as readonly JsonValue[]).includes(scheme)) return false;
  if (host === undefined) {
    const labels = parsed.hostname.split('.');
    const wanted = (suffix as string).split('.');
    const front = labels.slice(0, -wanted.length);
    if (isIP(parsed.hostname) !== 0 || parsed.hostname.startsWith('[')) return false;
    if (front.length === 0 || front.some((label) => label.startsWith('xn--'))) return false;
    if (labels.slice(-wanted.length).join('.') !== suffix) return false;
  } else if (parsed.hostname !== host) return false;
  const usual = scheme === 'https' || scheme === 'wss' ? 443 : 80;
  const port = parsed.port === '' ? usual : Number(parsed.port);
  if (port !== (constraint['port'] ?? usual)) return false;
  return isPlainUrlPath(parsed.pathname) && inRegion(path as JsonObject, parsed.pathname);
}

function inRegion(region: JsonObject, path: string): boolean {
  return reaches(region['root'], region['reach'], path);
}

/** Escapes stand only for the space and for characters beyond ASCII; the decoded segment is a normal one but for the colon. */
function isPlainUrlPath(path: string): boolean {
  if (path === '/') return true;
  return path
    .slice(1)
    .split('/')
    .every((part) => {
      if (/%(?!20|[89A-F][0-9A-F])/.test(part) || /[;"<>[\]^`{|}]/.test(part)) return false;
      try {
        return isNormalSegment(decodeURIComponent(part).replaceAll(':', ''));
      } catch {
        return false;
      }
    });
}

function acceptsDecimal({ min, max, scale }: JsonObject, value: string): boolean {
  if (!/^-?(0|[1-9]\d{0,29})(\.\d+)?$/.test(value) || /^-0(\.0+)?$/.test(value)) return false;
  const places = (value.split('.')[1] ?? '').length;
  if (places > (scale as number)) return false;
  const amount = inUnits(value);
  return amount >= inUnits(min as string) && amount <= inUnits(max as string);
}

/** In units of 10^-20. */
function inUnits(text: string): bigint {
  const [whole = '0', fraction = ''] = text.replace('-', '').split('.');
  const units = BigInt(whole) * 10n ** 20n + BigInt(fraction.padEnd(20, '0'));
  return text.startsWith('-') ? -units : units;
}

function acceptsInstant({ not_before, not_after }: JsonObject, value: string): boolean {
  const time = nanoseconds(value);
  if (time === undefined) return false;
  return (
    time >= (nanoseconds(not_before as string) ?? 1n) &&
    time <= (nanoseconds(not_after as string) ?? 0n)
  );
}

function nanoseconds(text: string): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(text);
  if (match === null) return undefined;
  const milliseconds = Date.parse(`${match[1]}Z`);
  // The platform's calendar repairs the thirtieth of February; what it writes back tells.
  if (Number.isNaN(milliseconds) || text.startsWith('0000')) return undefined;
  if (new Date(milliseconds).toISOString().slice(0, 19) !== match[1]) return undefined;
  return BigInt(milliseconds) * 1_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'));
}

const networks = new Map<string, BlockList>();

function acceptsAddress({ network }: JsonObject, value: string): boolean {
  const family = canonicalFamily(value);
  const [address = '', prefix = ''] = (network as string).split('/');
  if (family === undefined || family !== canonicalFamily(address)) return false;
  let list = networks.get(network as string);
  if (list === undefined) {
    list = new BlockList();
    list.addSubnet(address, Number(prefix), family);
    if (networks.size > 1000) networks.clear();
    networks.set(network as string, list);
  }
  return list.check(value, family);
}

/** Undefined unless the text is an address as the URL Standard writes it: no other spelling, no zone, no IPv4 inside IPv6. */
function canonicalFamily(text: string): 'ipv4' | 'ipv6' | undefined {
  if (isIP(text) === 4) return URL.parse(`http://${text}`)?.hostname === text ? 'ipv4' : undefined;
  if (isIP(text) !== 6 || text.startsWith('::ffff:')) return undefined;
  return URL.parse(`http://[${text}]`)?.hostname === `[${text}]` ? 'ipv6' : undefined;
}
