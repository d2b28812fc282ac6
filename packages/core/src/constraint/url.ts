import { isJsonObject, type JsonValue } from '../json.ts';
import { listsOnly } from './enumerated.ts';
import { parseIpAddress } from './ip-address.ts';
import { isReach, type Region, regionCovers, regionHolds, regionMeet } from './reach.ts';
import { isPlainSegment } from './segment.ts';
import type { Constraint, ConstraintType } from './type.ts';

/** Longest URL, in characters (a canonical URL is ASCII). */
export const MAX_URL_LENGTH = 4096;

/** The schemes a constraint may list, with their default ports. */
const DEFAULT_PORTS: ReadonlyMap<string, number> = new Map([
  ['http', 80],
  ['https', 443],
  ['ws', 80],
  ['wss', 443],
]);

interface UrlConstraint {
  readonly schemes: readonly string[];
  /** Exactly one of `host` and `host_suffix` is there. */
  readonly host?: string;
  readonly host_suffix?: string;
  readonly port?: number;
  readonly path: Region;
  readonly query?: 'any';
}

/**
 * `url`: a URL that is already what the WHATWG URL Standard would serialize it to, on one of `schemes`, at `host` or
 * below `host_suffix`, at `port` (absent: the scheme's default), with its path in the region `path` and, unless
 * `query` is `any`, no query. Never with user information or a fragment. Rules and reasons: `docs/constraints/url.md`.
 */
export const url: ConstraintType = {
  name: 'url',
  members: ['schemes', 'host', 'host_suffix', 'port', 'path', 'query'],
  validate({ schemes, host, host_suffix, port, path, query }) {
    if (!isSchemeList(schemes)) return '`schemes` must list http, https, ws or wss, each once';
    if ((host === undefined) === (host_suffix === undefined)) {
      return 'exactly one of `host` and `host_suffix` must be there';
    }
    if (host !== undefined && !isHost(host)) return '`host` must be a canonical host';
    if (host_suffix !== undefined && !isSuffix(host_suffix)) {
      return '`host_suffix` must be a domain of at least two labels';
    }
    if (port !== undefined && !isPort(port)) return '`port` must be an integer from 1 to 65535';
    if (!isRegion(path)) return '`path` must hold a canonical `root` and a `reach`, nothing else';
    return query === undefined || query === 'any' ? undefined : '`query` must be `any` or absent';
  },
  check,
  subsumes(parent, child) {
    if (child.constraint_type !== 'url') return listsOnly(child, (value) => check(parent, value));
    const [outer, inner] = [viewOf(parent), viewOf(child)];
    return (
      inner.schemes.every(
        (scheme) =>
          outer.schemes.includes(scheme) && portOf(inner, scheme) === portOf(outer, scheme),
      ) &&
      hostCovers(outer, inner) &&
      regionCovers(outer.path, inner.path) &&
      (outer.query === 'any' || inner.query === undefined)
    );
  },
  meet(left, right) {
    const [ours, theirs] = [viewOf(left), viewOf(right)];
    const schemes = ours.schemes.filter(
      (scheme) =>
        theirs.schemes.includes(scheme) && portOf(ours, scheme) === portOf(theirs, scheme),
    );
    const narrower = hostCovers(ours, theirs)
      ? theirs
      : hostCovers(theirs, ours)
        ? ours
        : undefined;
    const region = regionMeet(ours.path, theirs.path);
    if (schemes.length === 0 || narrower === undefined || region === undefined) return undefined;
    const { host, host_suffix } = narrower;
    const port = ours.port ?? theirs.port;
    return {
      constraint_type: 'url',
      schemes,
      ...(host === undefined ? {} : { host }),
      ...(host_suffix === undefined ? {} : { host_suffix }),
      ...(port === undefined ? {} : { port }),
      path: { root: region.root, reach: region.reach },
      ...(ours.query === 'any' && theirs.query === 'any' ? { query: 'any' } : {}),
    };
  },
};

function check(constraint: Constraint, value: JsonValue): boolean {
  const found = parseUrl(value);
  if (found === undefined) return false;
  const wanted = viewOf(constraint);
  return (
    wanted.schemes.includes(found.scheme) &&
    hostCovers(wanted, found) &&
    portOf(found, found.scheme) === portOf(wanted, found.scheme) &&
    regionHolds(wanted.path, found.path) &&
    (wanted.query === 'any' || !found.hasQuery)
  );
}

interface CanonicalUrl {
  readonly scheme: string;
  readonly host: string;
  readonly port?: number;
  readonly path: string;
  readonly hasQuery: boolean;
}

/** Every repetition runs over characters that what follows it cannot start with, so matching is linear. */
const URL_FORM =
  /^([a-z]+):\/\/([a-z0-9.-]+|\[[0-9a-f:]+\])(?::([0-9]+))?(\/[^?#]*)(?:\?((?:[\w\-.~!$&()*+,;=:@/?]|%[0-9A-Fa-f]{2})+))?$/;

function parseUrl(value: JsonValue): CanonicalUrl | undefined {
  if (typeof value !== 'string' || value.length > MAX_URL_LENGTH) return undefined;
  const match = URL_FORM.exec(value);
  if (match === null) return undefined;
  const [, scheme = '', host = '', digits, path = '', query] = match;
  const found = { scheme, host, path, hasQuery: query !== undefined };
  if (!DEFAULT_PORTS.has(scheme) || !isHost(host) || !isUrlPath(path)) return undefined;
  if (digits === undefined) return found;
  const port = Number(digits);
  if (String(port) !== digits || port === DEFAULT_PORTS.get(scheme)) return undefined;
  return { ...found, port };
}

/** The port a URL or constraint means on a scheme. */
function portOf({ port }: { readonly port?: number }, scheme: string): number | undefined {
  return port ?? DEFAULT_PORTS.get(scheme);
}

/** Whether all hosts of `inner`, a URL or another constraint, are hosts of `outer`. */
function hostCovers(
  outer: UrlConstraint,
  inner: Pick<UrlConstraint, 'host' | 'host_suffix'>,
): boolean {
  if (outer.host !== undefined) return inner.host === outer.host;
  const suffix = outer.host_suffix ?? '';
  if (inner.host_suffix === suffix) return true;
  return isBelow(inner.host ?? inner.host_suffix ?? '', suffix);
}

/** At least one more label in front of the suffix, and none of those an internationalized one. */
function isBelow(host: string, suffix: string): boolean {
  if (!host.endsWith(`.${suffix}`)) return false;
  const front = host.slice(0, -suffix.length - 1).split('.');
  return front.every((label) => !label.startsWith('xn--'));
}

function isHost(value: JsonValue): value is string {
  if (typeof value !== 'string') return false;
  if (value.startsWith('[') && value.endsWith(']')) {
    return parseIpAddress(value.slice(1, -1))?.width === 128;
  }
  return isDomain(value) || parseIpAddress(value)?.width === 32;
}

function isSuffix(value: JsonValue): boolean {
  return typeof value === 'string' && value.includes('.') && isDomain(value);
}

/** Letters, digits and inner hyphens in lower case; a last label that the URL Standard would read as a number makes it an IPv4 address. */
function isDomain(text: string): boolean {
  if (text.length > 253) return false;
  const labels = text.split('.');
  return (
    labels.every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label)) &&
    !/^(?:[0-9]+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '')
  );
}

function isUrlPath(value: JsonValue | undefined): value is string {
  if (typeof value !== 'string' || value.length > MAX_URL_LENGTH) return false;
  return value === '/' || (value.startsWith('/') && value.slice(1).split('/').every(isUrlSegment));
}

/** Path characters of RFC 3986 without `;`; escapes only of the space and of UTF-8 beyond ASCII, in upper case. */
function isUrlSegment(segment: string): boolean {
  if (!/^(?:[\w\-.~!$&'()*+,=:@]|%20|%[89A-F][0-9A-F])+$/.test(segment)) return false;
  try {
    return isPlainSegment(decodeURIComponent(segment));
  } catch {
    return false;
  }
}

function isRegion(value: JsonValue | undefined): boolean {
  if (value === undefined || !isJsonObject(value)) return false;
  const members = Object.keys(value);
  return members.length === 2 && isUrlPath(value['root']) && isReach(value['reach']);
}

function isPort(value: JsonValue): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_535;
}

function isSchemeList(value: JsonValue | undefined): boolean {
  if (!Array.isArray(value) || value.length === 0) return false;
  if (new Set(value).size !== value.length) return false;
  return value.every((scheme) => typeof scheme === 'string' && DEFAULT_PORTS.has(scheme));
}

function viewOf(constraint: Constraint): UrlConstraint {
  return constraint as unknown as UrlConstraint;
}
