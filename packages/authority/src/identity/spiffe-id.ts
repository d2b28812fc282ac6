import { AuthorityRefusal } from '../refusal.ts';

/** A SPIFFE ID that has passed {@link readSpiffeId}. Two are the same exactly when their texts are. */
export interface SpiffeId {
  readonly text: string;
  readonly trustDomain: string;
  /** Without slashes; none for the ID of a trust domain itself. */
  readonly segments: readonly string[];
}

/** Why a text is no SPIFFE ID. */
export type SpiffeIdProblem =
  | 'empty'
  | 'too_long'
  | 'scheme'
  | 'trust_domain_missing'
  | 'trust_domain_too_long'
  | 'trust_domain_character'
  | 'segment_empty'
  | 'segment_dots'
  | 'segment_character'
  | 'trailing_slash';

const SCHEME = 'spiffe://';
/** SPIFFE-ID section 2.3: what must be read, and what should not be exceeded. All characters are ASCII, so characters are bytes. */
const MAX_LENGTH = 2048;
/** SPIFFE-ID section 2.3, after the `host` of RFC 3986. */
const MAX_TRUST_DOMAIN = 255;
/** Ours: what a file name and a DNS name can be. */
const MAX_SEGMENT = 255;

const TRUST_DOMAIN = /^[a-z0-9._-]+$/;
const SEGMENT = /^[A-Za-z0-9._-]+$/;

/**
 * Reads a SPIFFE ID (SPIFFE-ID sections 2.1 to 2.3). Nothing is repaired: upper case in scheme or trust domain, percent-encoding, dot segments,
 * empty segments, a trailing slash, user information, port, query and fragment are all refused.
 */
export function readSpiffeId(text: unknown): SpiffeId | SpiffeIdProblem {
  if (typeof text !== 'string') return 'scheme';
  if (text === '') return 'empty';
  if (text.length > MAX_LENGTH) return 'too_long';
  if (!text.startsWith(SCHEME)) return 'scheme';
  const [trustDomain = '', ...segments] = text.slice(SCHEME.length).split('/');
  if (trustDomain === '') return 'trust_domain_missing';
  if (trustDomain.length > MAX_TRUST_DOMAIN) return 'trust_domain_too_long';
  if (!TRUST_DOMAIN.test(trustDomain)) return 'trust_domain_character';
  const last = segments.length - 1;
  for (const [index, segment] of segments.entries()) {
    if (segment === '') return index === last ? 'trailing_slash' : 'segment_empty';
    if (segment === '.' || segment === '..') return 'segment_dots';
    if (!SEGMENT.test(segment)) return 'segment_character';
  }
  return Object.freeze({ text, trustDomain, segments: Object.freeze(segments) });
}

/** Whether it is the name of a trust domain: 1 to 255 of `a-z 0-9 . _ -`. */
export function isTrustDomain(text: unknown): text is string {
  return typeof text === 'string' && text.length <= MAX_TRUST_DOMAIN && TRUST_DOMAIN.test(text);
}

/** Whether it can be a tenant or the name of an agent: one path segment of at most 255 characters. */
export function isAgentName(text: unknown): text is string {
  return (
    typeof text === 'string' &&
    text.length <= MAX_SEGMENT &&
    text !== '.' &&
    text !== '..' &&
    SEGMENT.test(text)
  );
}

/** Whose an agent is and what it is called there. Case counts. */
export interface AgentName {
  readonly tenant: string;
  readonly name: string;
}

/**
 * The SPIFFE ID of an agent: `spiffe://<trust domain>/<tenant>/agent/<name>`.
 * @throws {AuthorityRefusal} `agent_name_invalid`.
 */
export function agentSpiffeId(trustDomain: string, { tenant, name }: AgentName): string {
  const member = isAgentName(tenant) ? 'name' : 'tenant';
  if (member === 'tenant' || !isAgentName(name)) {
    throw new AuthorityRefusal('agent_name_invalid', `The ${member} is no path segment.`, {
      facts: { member },
      hint: 'Use 1 to 255 of A-Z a-z 0-9 . _ - and neither "." nor "..".',
    });
  }
  return `${SCHEME}${trustDomain}/${tenant}/agent/${name}`;
}

/** The agent that a SPIFFE ID of this trust domain names; `undefined` where it names none. */
export function readAgentSpiffeId(trustDomain: string, text: unknown): AgentName | undefined {
  const id = readSpiffeId(text);
  if (typeof id === 'string' || id.trustDomain !== trustDomain) return undefined;
  const [tenant, kind, name, ...rest] = id.segments;
  if (kind !== 'agent' || rest.length > 0 || !isAgentName(tenant) || !isAgentName(name))
    return undefined;
  return { tenant, name };
}
