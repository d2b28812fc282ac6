import { invalid, readName, readOptions, readRulePath, wholeNumber } from './options.ts';
import type { ConnectionSettings, TlsIdentity } from './server-connection.ts';

const SERVER_OPTIONS = [
  'url',
  'path',
  'token',
  'tls',
  'id',
  'timeout',
  'maxInput',
  'maxResponse',
  'maxConnections',
  'allowHttp',
];

export interface ServerSettings {
  readonly connection: ConnectionSettings;
  readonly path: readonly string[];
  readonly id: string;
  readonly maxInput: number;
}

export function readServerOptions(options: object): ServerSettings {
  const given = readOptions(options, SERVER_OPTIONS);
  const path = readRulePath(given['path'], 'path');
  const { allowHttp = false } = given;
  if (typeof allowHttp !== 'boolean') throw invalid('`allowHttp` must be true or false.');
  return {
    connection: {
      url: readUrl(given['url'], allowHttp),
      token: readToken(given['token']),
      tls: readTls(given['tls']),
      timeout: wholeNumber(given, 'timeout', 800, 1, 60_000),
      maxResponse: wholeNumber(given, 'maxResponse', 65_536, 1, 16 * 1024 * 1024),
      maxConnections: wholeNumber(given, 'maxConnections', 32, 1, 1024),
    },
    path,
    id: readName(given, 'id') ?? path.join('/'),
    maxInput: wholeNumber(given, 'maxInput', 262_144, 1, 16 * 1024 * 1024),
  };
}

/** Not quoted in errors: an address can hold a password. */
function readUrl(value: unknown, allowHttp: boolean): URL {
  const url = typeof value === 'string' && !/[\s\\]/.test(value) ? URL.parse(value) : null;
  if (url === null) throw invalid('`url` must be an address such as http://127.0.0.1:8181.');
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw invalid('`url` must begin with http: or https:.');
  if (url.username !== '' || url.password !== '' || /^[^/]*\/\/[^/?#]*@/.test(value as string))
    throw invalid('`url` must name no user; give a `token`.');
  if (/[?#]/.test(value as string)) throw invalid('`url` must have no query and no fragment.');
  if (/%|\/\/|\/\.{1,2}(?:\/|$)/.test((value as string).replace(/^[^/]*\/\//, '')))
    throw invalid('`url` must have a plain path.');
  if (url.protocol === 'http:' && !allowHttp && !isThisMachine(url.hostname))
    throw invalid('`url` must begin with https: to reach another machine, or `allowHttp` be set.');
  return url;
}

function isThisMachine(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(?:\.[0-9]{1,3}){3}$/.test(host);
}

function readTls(value: unknown): TlsIdentity {
  if (value === undefined) return {};
  // Nothing else is handed to the connection: `rejectUnauthorized` would be among it.
  const { ca, cert, key } = readOptions(value, ['ca', 'cert', 'key']);
  const parts = Object.entries({ ca, cert, key }).filter(([, part]) => part !== undefined);
  const isPem = parts.every(([, part]) => typeof part === 'string' && part.includes('-----BEGIN '));
  if (!isPem || (cert === undefined) !== (key === undefined))
    throw invalid('`tls` must have `ca`, or `cert` and `key`, or all of them, in PEM.');
  return Object.fromEntries(parts);
}

/** RFC 6750 section 2.1. A token that is none would let its giver write headers. */
function readToken(value: unknown): ConnectionSettings['token'] {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' && typeof value !== 'function')
    throw invalid('`token` must be a text or a function that gives one.');
  if (typeof value === 'function') return async () => checkToken(await (value as () => unknown)());
  const token = checkToken(value);
  return () => token;
}

function checkToken(token: unknown): string {
  if (typeof token !== 'string' || !/^[A-Za-z0-9\-._~+/]{1,8192}=*$/.test(token))
    throw invalid('`token` is no bearer token.');
  return token;
}
