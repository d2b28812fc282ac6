import { randomBytes } from 'node:crypto';
import { CLIENT_CREDENTIALS, JWT_SPIFFE } from '@taper/authority';
import { APPROVALS_PATH } from '@taper/authority/http';
import { AAT_ENTRY_TYPE, type JsonObject, type Signer } from '@taper/core';
import type { Option } from 'commander';
import { TOKEN_PATH } from '../authority/public-documents.ts';
import type { Outcome } from '../command-definition.ts';
import { deliver } from '../document.ts';
import { Failure } from '../failure.ts';
import { chainDocument, isCompact } from '../file/chain.ts';
import { readTools } from '../file/tools.ts';
import { parseDepth } from '../make.ts';
import { listOption, opaqueOption, valueOption } from '../option.ts';
import type { Session } from '../session.ts';
import { shellQuote } from '../text/shell.ts';
import { parseDuration } from '../text/time.ts';
import { createHolderClient, type HolderClient } from './holder-client.ts';

/** What can be asked of a root, however it is asked for. */
export interface WantedOptions {
  readonly tools?: string;
  readonly grant?: string;
  readonly audience?: readonly string[];
  readonly lifetime?: string;
  readonly maxDepth?: string;
  readonly pending?: string;
  readonly out?: string;
  readonly force?: boolean;
}

export const wantedOptions: readonly Option[] = [
  valueOption('--grant <name>', 'the grant to issue under, where several would do'),
  listOption('--audience <id>', 'where it is to be presented; may be repeated'),
  valueOption('--lifetime <duration>', 'how long; never longer than the grant says'),
  valueOption('--max-depth <number>', 'how many hops may follow; never more than the grant says'),
  opaqueOption('--pending <id>', 'the issuance that waited for approvals'),
];

/** An agent that can ask: its key, and the identity document that the authority gives it now. */
export interface Asking {
  readonly client: HolderClient;
  readonly identity: string;
  readonly spiffeId: string;
}

/** @throws {Failure} `server_refused`, `server_unreachable`. */
export async function identify(issuer: string, signer: Signer, session: Session): Promise<Asking> {
  const client = createHolderClient(issuer, signer, session.io.clock, (length) =>
    randomBytes(length),
  );
  const { identity, spiffe_id: spiffeId } = await client.send({ path: '/identity', body: {} });
  if (typeof identity === 'string' && typeof spiffeId === 'string')
    return { client, identity, spiffeId };
  throw new Failure('server_answer_invalid', 'the authority answers without an identity document');
}

/** The form that every request for a root has. @throws {Failure} `usage`, `tools_malformed`. */
export async function tokenForm(
  grantType: string,
  { identity, spiffeId }: Asking,
  signer: Signer,
  options: WantedOptions,
  session: Session,
): Promise<URLSearchParams> {
  const form = new URLSearchParams({
    grant_type: grantType,
    client_id: spiffeId,
    client_assertion_type: JWT_SPIFFE,
    client_assertion: identity,
  });
  if (options.tools !== undefined) {
    const tools = await readTools(options.tools, session);
    form.set('authorization_details', JSON.stringify([{ type: AAT_ENTRY_TYPE, tools }]));
  }
  if (grantType === CLIENT_CREDENTIALS)
    form.set('req_cnf', JSON.stringify({ jwk: signer.publicKey.jwk }));
  if (options.grant !== undefined) form.set('grant', options.grant);
  for (const each of options.audience ?? []) form.append('audience', each);
  if (options.lifetime !== undefined)
    form.set('lifetime', String(parseDuration(options.lifetime, '--lifetime')));
  if (options.maxDepth !== undefined) form.set('max_depth', String(parseDepth(options.maxDepth)));
  if (options.pending !== undefined) form.set('pending', options.pending);
  return form;
}

/** Sends the form and hands the root out as a chain file. @throws {Failure} as {@link HolderClient.send}. */
export async function requestRoot(
  { client }: Asking,
  form: URLSearchParams,
  claims: JsonObject,
  { out, force }: WantedOptions,
  session: Session,
): Promise<Outcome> {
  const answer = await client
    .send({ path: TOKEN_PATH, body: form, claims })
    .catch((cause: unknown) => {
      throw sayWhereToApprove(cause, client.issuer);
    });
  const { access_token: root, expires_in: seconds } = answer;
  if (typeof root !== 'string' || !isCompact(root) || typeof seconds !== 'number')
    throw new Failure('server_answer_invalid', 'the authority answers without a root');
  return deliver(
    chainDocument([root]),
    `root token, good for ${seconds} s`,
    { ...(out === undefined ? {} : { out }), ...(force === undefined ? {} : { force }) },
    session,
  );
}

/** What waits for approvals, with the address that approvers need. */
function sayWhereToApprove(cause: unknown, issuer: string): unknown {
  if (!(cause instanceof Failure) || cause.options.field !== 'approval_required') return cause;
  const pending = cause.options.facts?.['pending'];
  if (typeof pending !== 'string') return cause;
  const url = `${issuer}${APPROVALS_PATH}/${pending}`;
  return new Failure(cause.code, cause.message, {
    ...cause.options,
    hint: `Ask again with --pending ${pending} when approvers have signed at ${url}, which they do with:`,
    command: `taper approve --url ${shellQuote(url)} --key KEY --anchors ANCHORS`,
  });
}
