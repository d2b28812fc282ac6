import { REVOCATION_REASONS, type RevocationReason } from '@taper/core';
import { type AdministratorClient, resultOf } from '../authority-client/administrator-client.ts';
import type { paths } from '../authority-client/paths.ts';
import {
  type AdministratorOptions,
  administratorOptions,
  openAdministrator,
} from '../authority-client/place.ts';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { Failure } from '../failure.ts';
import { readChain } from '../file/chain.ts';
import { isObject, member } from '../file/json.ts';
import { readPublicHalf } from '../file/key.ts';
import { choiceOption, opaqueOption, valueOption } from '../option.ts';
import type { Session } from '../session.ts';
import { escapeText, showName } from '../text/escape.ts';
import { parseTime } from '../text/time.ts';
import { decodeUnverified } from '../unverified.ts';

interface AdminRevokeOptions extends AdministratorOptions {
  readonly hop?: string;
  readonly token?: string;
  readonly key?: string;
  readonly agent?: string;
  readonly tenant?: string;
  readonly issuedBefore?: string;
  readonly reason?: RevocationReason;
}

/** What the authority answers, and what was revoked, in words. */
interface Revoked {
  readonly index: number;
  readonly entry: string;
  /** Of an agent that has had more keys than one request names. */
  readonly further?: readonly { readonly index: number; readonly entry: string }[];
  readonly what: string;
}

type Reason = { readonly reason?: RevocationReason };

type Target = NonNullable<
  paths['/admin/revocations']['post']['requestBody']
>['content']['application/json']['target'];

/** 43 characters of base64url: a thumbprint, or the hash of a token. */
const HASH = /^[A-Za-z0-9_-]{43}$/;

/** A proof repeats what is asked in a header of the request, which a server takes 16 KiB of: the 256 keys of an entry do not fit. */
const KEYS_AT_A_TIME = 64;

export const adminRevoke: AnyCommand = defineCommand<AdminRevokeOptions>({
  name: 'admin revoke',
  summary: 'revoke through an authority: a token, a key, an agent, a tenant’s tokens',
  description:
    'Has the authority revoke, by right of an administrator, and says where that stands in its log. Named is exactly one: the last ' +
    'token of a chain, with all that was derived from it; a root that was issued, by its hash (--token); a key, with all that it ' +
    'holds and signed (--key); all keys of an agent (--agent), which stays and gets a new one with `taper agent rotate`; or all ' +
    'tokens of a tenant that were issued before a time (--issued-before).\n\n' +
    'An administrator of one tenant revokes its roots (--token) and its older tokens (--issued-before). Nothing is ever ' +
    'un-revoked. Holders and issuers revoke what is theirs with `taper revoke`, without an administrator.',
  operands: [
    { term: '[chain]', description: 'chain down to the token, root first; - for standard input' },
  ],
  options: [
    valueOption(
      '--hop <number>',
      'of the chain, the token at this hop, 0 for the root (default: the last)',
    ),
    opaqueOption('--token <hash>', 'a root that was issued; needs --tenant'),
    opaqueOption('--key <thumbprint|file>', 'a key, or a file with its public half'),
    valueOption('--agent <name>', 'all keys of an agent; needs --tenant'),
    valueOption('--tenant <name>', 'tenant of the root, of the agent, or of the older tokens'),
    valueOption('--issued-before <time>', 'tokens of the tenant that are older than this'),
    choiceOption('--reason <reason>', 'why (default: unspecified)', REVOCATION_REASONS),
    ...administratorOptions,
  ],
  examples: [
    {
      line: 'taper admin revoke --token SKN-hMl3r2oI0Xn4h5LO2rBOlCMWNwpX0Th0yC6zYfE --tenant acme',
      does: 'A root, by the hash that `taper token list` shows.',
    },
    {
      line: 'taper admin revoke --tenant acme --issued-before 2026-11-21T09:30:00Z --reason agent_compromised',
      does: 'Everything of the tenant that is older than the incident’s end.',
    },
  ],
  async run([path], options, session) {
    requireOneTarget(path, options);
    const { reason } = options;
    const revoke = await readTarget(path, options, session);
    const { client } = await openAdministrator(options, session);
    const { what, ...json } = await revoke(client, reason === undefined ? {} : { reason });
    const indexes = [json.index, ...(json.further ?? []).map(({ index }) => index)];
    const entries = `${indexes.length === 1 ? 'entry' : 'entries'} ${indexes.join(', ')}`;
    return { exitCode: 0, text: `revoked ${what}: ${entries}\n`, json };
  },
});

/** @throws {Failure} `usage` when it is not plain what is meant: what is revoked by mistake stays revoked. */
function requireOneTarget(path: string | undefined, options: AdminRevokeOptions): void {
  const { token, key, agent, issuedBefore, tenant, hop } = options;
  const named = [path, token, key, agent, issuedBefore].filter((value) => value !== undefined);
  if (named.length !== 1)
    throw new Failure('usage', 'what is to be revoked has to be named once', {
      hint: 'Give a chain, or one of --token, --key, --agent and --issued-before.',
    });
  const wantsTenant = path === undefined && key === undefined;
  if (wantsTenant !== (tenant !== undefined))
    throw new Failure(
      'usage',
      wantsTenant ? 'taper admin revoke needs --tenant' : '--tenant is not for this',
      {
        field: '--tenant',
        hint: '--token, --agent and --issued-before are of one tenant; a chain and a key are whose they are.',
      },
    );
  if (hop !== undefined && path === undefined)
    throw new Failure('usage', '--hop is for a chain', {
      field: '--hop',
      hint: 'Give the chain, or leave it out.',
    });
  if (token !== undefined && !HASH.test(token))
    throw new Failure('usage', `--token is not the hash of a token: ${showName(token)}`, {
      field: '--token',
      hint: '`taper token list` shows the hashes of the roots of an agent.',
    });
}

/** Reads all files and options; what is returned does it. */
async function readTarget(
  path: string | undefined,
  { token, key, agent, tenant, issuedBefore, hop }: AdminRevokeOptions,
  session: Session,
): Promise<(client: AdministratorClient, reason: Reason) => Promise<Revoked>> {
  if (path !== undefined) {
    const { target, expiresAt } = await readToken(path, hop, session);
    return async (client, reason) => ({
      ...(await revokeTarget(client, target, { ...reason, expires_at: expiresAt })),
      what: target.token,
    });
  }
  if (key !== undefined) {
    const thumbprint = HASH.test(key) ? key : (await readPublicHalf(key, session)).thumbprint;
    return async (client, reason) => ({
      ...(await revokeTarget(client, { kind: 'key', key: thumbprint }, reason)),
      what: thumbprint,
    });
  }
  const of = tenant as string;
  if (agent !== undefined)
    return async (client, reason) => {
      const found = resultOf(
        await client.GET('/admin/tenants/{tenant}/agents/{agent}', {
          params: { path: { tenant: of, agent } },
        }),
      );
      const newest = found.keys.toSorted((a, b) => b.added_at - a.added_at);
      const made: { readonly index: number; readonly entry: string }[] = [];
      for (let from = 0; from < newest.length; from += KEYS_AT_A_TIME) {
        const some = newest.slice(from, from + KEYS_AT_A_TIME).map((each) => each.key);
        const target: Target = { kind: 'agent', agent: found.spiffe_id, keys: some.sort() };
        made.push(await revokeTarget(client, target, reason));
      }
      const [first, ...further] = made;
      if (first === undefined)
        throw new Failure('server_answer_invalid', 'the authority shows an agent without a key');
      return {
        ...first,
        ...(further.length === 0 ? {} : { further }),
        what: escapeText(found.spiffe_id),
      };
    };
  if (token !== undefined)
    return async (client, reason) => {
      const done = await client.POST('/admin/tenants/{tenant}/issuances/{token}/revoke', {
        params: { path: { tenant: of, token } },
        body: reason,
      });
      return { ...resultOf(done), what: token };
    };
  const before = parseTime(issuedBefore as string, '--issued-before');
  return async (client, reason) => {
    const done = await client.POST('/admin/tenants/{tenant}/revocations', {
      params: { path: { tenant: of } },
      body: { issued_before: before, ...reason },
    });
    return { ...resultOf(done), what: `older tokens of ${escapeText(of)}` };
  };
}

async function revokeTarget(
  client: AdministratorClient,
  target: Target,
  more: Reason & { readonly expires_at?: number },
): Promise<{ readonly index: number; readonly entry: string }> {
  return resultOf(await client.POST('/admin/revocations', { body: { target, ...more } }));
}

/** The token, by its hash, and its end. Nothing is verified: a text that is no token of anybody has a hash that nothing rests on. */
async function readToken(
  path: string,
  hop: string | undefined,
  session: Session,
): Promise<{
  readonly target: Extract<Target, { kind: 'token' }>;
  readonly expiresAt: number;
}> {
  const { tokens, source } = await readChain(path, session);
  const index = hop === undefined ? tokens.length - 1 : /^[0-9]{1,4}$/.test(hop) ? Number(hop) : -1;
  const [rootText, tokenText] = [tokens[0], tokens[index]];
  if (rootText === undefined || tokenText === undefined)
    throw new Failure('usage', `${source} has no such hop`, {
      field: '--hop',
      hint: `It has ${tokens.length} tokens; hop 0 is the root.`,
    });
  const [root, token] = [decodeUnverified(rootText), decodeUnverified(tokenText)];
  const claims = typeof token === 'string' ? undefined : token.claims.value;
  const end = isObject(claims) ? member(claims, 'exp') : undefined;
  if (typeof root === 'string' || typeof token === 'string' || !isEnd(end))
    throw new Failure('token_malformed', `${source} holds what is no token with an end`, {
      file: source,
      hint: '`taper inspect` shows what is in it.',
    });
  return { target: { kind: 'token', token: token.hash, root: root.hash }, expiresAt: end };
}

function isEnd(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
