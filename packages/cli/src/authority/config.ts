import { type JsonObject, type JsonValue, parseJson } from '@taper/core';
import { Failure } from '../failure.ts';
import { isObject, jsonFailure, kindOf, member } from '../file/json.ts';
import { quoteText } from '../text/escape.ts';

/** What a node of the authority is configured with: the file `taper.json`, all paths in its folder. */
export interface AuthorityConfig {
  /** URL of the authority as clients reach it, without a slash at its end. */
  readonly issuer: string;
  readonly trustDomain: string;
  /** `host:port` of the three listeners. Without one for the witness, none is run. */
  readonly listen: string;
  readonly managementListen: string;
  readonly witnessListen: string | undefined;
  /** Origin of the authority's log. */
  readonly logOrigin: string;
  readonly witnessName: string;
  /** Without it, whoever starts the node at a terminal is asked for the passphrase of the key files. */
  readonly passphraseFile: string | undefined;
  /** Where each key is, as `docs/keys.md` says; those that are left out lie in files of the folder. */
  readonly keys: JsonObject;
  /** PostgreSQL that several nodes share. Without it, the store and the log lie in the folder, and there is one node. */
  readonly database: string | undefined;
  /** Where other nodes reach this one. Default: what it listens on. */
  readonly advertise: string | undefined;
  /** Witnesses that somebody else runs: `{"key": "<vkey>", "url"}`. */
  readonly witnesses: readonly JsonObject[];
  /** Requests of one client per second, on average. */
  readonly requestsPerSecond: number;
  /** Proxies of the operator in front of the node. */
  readonly trustedProxies: number;
  readonly logLevel: (typeof LEVELS)[number];
  /** Who may approve issuances: public JWKs by group. */
  readonly approvers: Readonly<Record<string, readonly JsonObject[]>>;
  /** OIDC issuers and workload identity providers, as `docs/agent-identity.md` says. */
  readonly trustedIssuers: readonly JsonObject[];
  /** Foreign trust domains, as `docs/token-exchange.md` says. */
  readonly foreign: readonly JsonObject[];
}

const LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;

const VERSION = 1;

/** Every member: its name in the file, and what it must be. Missing ones have the default, where there is one. */
const MEMBERS = {
  issuer: 'text',
  trust_domain: 'text',
  listen: 'text',
  management_listen: 'text',
  witness_listen: 'optional text',
  log_origin: 'text',
  witness_name: 'text',
  passphrase_file: 'optional text',
  keys: 'object',
  database: 'optional text',
  advertise: 'optional text',
  witnesses: 'list',
  requests_per_second: 'number',
  trusted_proxies: 'number',
  log_level: 'text',
  approvers: 'object',
  trusted_issuers: 'list',
  foreign: 'list',
} as const;

const DEFAULTS: Readonly<Record<string, JsonValue>> = {
  requests_per_second: 200,
  trusted_proxies: 0,
  log_level: 'warn',
  witnesses: [],
  keys: {},
  approvers: {},
  trusted_issuers: [],
  foreign: [],
};

/**
 * Reads a configuration. What is not understood is refused: it may be meant to restrict something.
 * @param source how to call it in a message.
 * @throws {Failure} `config_malformed` naming the member; `json_invalid`.
 */
export function parseConfig(text: string, source: string): AuthorityConfig {
  const parsed = parseJson(text);
  if (!parsed.ok) throw jsonFailure(text, source, parsed.problem, parsed.offset);
  const { value } = parsed;
  const malformed = (what: string, field?: string): Failure =>
    new Failure('config_malformed', `${source}: ${what}`, {
      file: source,
      field,
      hint: 'docs/authority.md lists the members. `taper up` writes the file in an empty folder.',
    });
  if (!isObject(value)) throw malformed(`it is ${kindOf(value)} and not an object`);
  if (member(value, 'type') !== 'taper-authority')
    throw malformed('it is no configuration of an authority', 'type');
  if (member(value, 'version') !== VERSION)
    throw malformed(`its version is not ${VERSION}, which this release reads`, 'version');
  const known = ['type', 'version', ...Object.keys(MEMBERS)];
  const stranger = Object.keys(value).find((name) => !known.includes(name));
  if (stranger !== undefined)
    throw malformed(`it has a member ${quoteText(stranger)} that is not understood`, stranger);
  const found = { ...DEFAULTS, ...value };
  for (const [name, kind] of Object.entries(MEMBERS))
    if (!isKind(found[name], kind)) throw malformed(`\`${name}\` is ${kindOf(found[name])}`, name);
  const text_ = (name: string): string => found[name] as string;
  const issuer = URL.parse(text_('issuer'));
  const loopback = ['127.0.0.1', '[::1]', 'localhost'].includes(issuer?.hostname ?? '');
  if (issuer === null || issuer.href !== `${text_('issuer')}/` || issuer.pathname !== '/')
    throw malformed('`issuer` is no URL of scheme, host and port alone', 'issuer');
  if (issuer.protocol !== 'https:' && !(issuer.protocol === 'http:' && loopback))
    throw malformed('`issuer` is neither https:// nor on this machine', 'issuer');
  const level = LEVELS.find((each) => each === found['log_level']);
  if (level === undefined)
    throw malformed(`\`log_level\` is none of ${LEVELS.join(', ')}`, 'log_level');
  const requestsPerSecond = found['requests_per_second'] as number;
  const trustedProxies = found['trusted_proxies'] as number;
  if (!Number.isSafeInteger(requestsPerSecond) || requestsPerSecond < 1)
    throw malformed('`requests_per_second` is no whole number, 1 or more', 'requests_per_second');
  if (!Number.isSafeInteger(trustedProxies) || trustedProxies < 0 || trustedProxies > 16)
    throw malformed('`trusted_proxies` is no whole number, 0 to 16', 'trusted_proxies');
  return {
    issuer: text_('issuer'),
    trustDomain: text_('trust_domain'),
    listen: text_('listen'),
    managementListen: text_('management_listen'),
    witnessListen: found['witness_listen'] as string | undefined,
    logOrigin: text_('log_origin'),
    witnessName: text_('witness_name'),
    passphraseFile: found['passphrase_file'] as string | undefined,
    keys: found['keys'] as JsonObject,
    database: found['database'] as string | undefined,
    advertise: found['advertise'] as string | undefined,
    witnesses: found['witnesses'] as AuthorityConfig['witnesses'],
    requestsPerSecond,
    trustedProxies,
    logLevel: level,
    approvers: found['approvers'] as AuthorityConfig['approvers'],
    trustedIssuers: found['trusted_issuers'] as AuthorityConfig['trustedIssuers'],
    foreign: found['foreign'] as AuthorityConfig['foreign'],
  };
}

function isKind(value: JsonValue | undefined, kind: string): boolean {
  switch (kind) {
    case 'text':
      return typeof value === 'string' && value !== '';
    case 'optional text':
      return value === undefined || (typeof value === 'string' && value !== '');
    case 'number':
      return typeof value === 'number';
    case 'object':
      return isObject(value);
    default:
      return Array.isArray(value) && value.every((each) => isObject(each));
  }
}

/** The document that {@link parseConfig} reads. */
export function configDocument(config: AuthorityConfig): object {
  return {
    type: 'taper-authority',
    version: VERSION,
    issuer: config.issuer,
    trust_domain: config.trustDomain,
    listen: config.listen,
    management_listen: config.managementListen,
    ...(config.witnessListen === undefined ? {} : { witness_listen: config.witnessListen }),
    log_origin: config.logOrigin,
    witness_name: config.witnessName,
    ...(config.passphraseFile === undefined ? {} : { passphrase_file: config.passphraseFile }),
    ...(Object.keys(config.keys).length === 0 ? {} : { keys: config.keys }),
    ...(config.database === undefined ? {} : { database: config.database }),
    ...(config.advertise === undefined ? {} : { advertise: config.advertise }),
    witnesses: config.witnesses,
    requests_per_second: config.requestsPerSecond,
    trusted_proxies: config.trustedProxies,
    log_level: config.logLevel,
    approvers: config.approvers,
    trusted_issuers: config.trustedIssuers,
    foreign: config.foreign,
  };
}
