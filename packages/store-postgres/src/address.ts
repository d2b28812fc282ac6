import { readFileSync } from 'node:fs';
import { TaperError } from '@taper/core';

/** Where a PostgreSQL is, and how it is spoken to. */
export interface PostgresAddress {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** `undefined`: as libpq has it, from `PGPASSWORD` or a password file. */
  readonly password: string | undefined;
  /** `false`: nothing is encrypted. Otherwise the server's certificate must be for `host`, under `ca` or an authority that Node trusts. */
  readonly tls: false | { readonly ca: string | undefined };
  /** `host:port/database`: what errors and logs may say. */
  readonly name: string;
}

const SECURE = 'verify-full';

/**
 * Reads `postgres://<user>[:<password>]@<host>[:<port>]/<database>[?sslmode=…&sslrootcert=…]`. `sslmode` is `verify-full`, and
 * `disable` where the host is this machine; on another host, `disable` has to be written out. A host that begins with `%2F` is the folder
 * of a Unix socket. No exception holds the URL: there is a password in it.
 *
 * @throws {TaperError} `option_invalid`.
 */
export function readPostgresUrl(text: string): PostgresAddress {
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['postgres:', 'postgresql:'].includes(url.protocol))
    throw invalid('A database is named by a URL: postgres://user@host:5432/database.');
  const [host, user, database, password] = [
    url.hostname.replace(/^\[(.*)\]$/, '$1'),
    url.username,
    url.pathname.slice(1),
    url.password,
  ].map(decoded) as [string, string, string, string];
  if (host === '' || user === '' || database === '' || database.includes('/') || url.hash !== '')
    throw invalid('The URL of a database names a user, a host and a database, and nothing else.');
  const port = url.port === '' ? 5432 : Number(url.port);
  return Object.freeze({
    host,
    port,
    database,
    user,
    password: password === '' ? undefined : password,
    tls: tlsOf(url.searchParams, host),
    name: `${host}:${port}/${database}`,
  });
}

function tlsOf(parameters: URLSearchParams, host: string): PostgresAddress['tls'] {
  for (const name of new Set(parameters.keys())) {
    if (!['sslmode', 'sslrootcert'].includes(name) || parameters.getAll(name).length > 1)
      throw invalid('The URL of a database has the parameters `sslmode` and `sslrootcert`, once.');
  }
  const mode = parameters.get('sslmode') ?? (isHere(host) ? 'disable' : SECURE);
  const file = parameters.get('sslrootcert');
  if (mode === 'disable' && file === null) return false;
  if (mode !== SECURE) {
    throw invalid('`sslmode` is `verify-full`, or `disable`.', {
      hint: 'What lies between encrypts without knowing to whom: whoever is on the way reads the password and all that is stored.',
    });
  }
  try {
    return { ca: file === null ? undefined : readFileSync(file, 'utf8') };
  } catch (cause) {
    throw invalid('The file that `sslrootcert` names cannot be read.', { cause });
  }
}

function isHere(host: string): boolean {
  return host.startsWith('/') || ['localhost', '127.0.0.1', '::1'].includes(host);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid('The URL of a database is not rightly percent-encoded.');
  }
}

function invalid(message: string, options?: { hint?: string; cause?: unknown }): TaperError {
  return new TaperError('option_invalid', message, options);
}
