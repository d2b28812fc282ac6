import { randomBytes } from 'node:crypto';
import { consentToRotation, importPublicKey } from '@taper/core';
import { resultOf } from '../authority-client/administrator-client.ts';
import { createHolderClient } from '../authority-client/holder-client.ts';
import {
  type AdministratorOptions,
  administratorOptions,
  findIssuer,
  openAdministrator,
} from '../authority-client/place.ts';
import { identify } from '../authority-client/token.ts';
import { type AnyCommand, defineCommand, type Outcome } from '../command-definition.ts';
import { Failure } from '../failure.ts';
import { readSigner, refuseTestKey } from '../file/key.ts';
import { writeFiles } from '../file/write.ts';
import { making } from '../make.ts';
import { forceOption, outOption, requiredOption, valueOption } from '../option.ts';
import type { Session } from '../session.ts';
import { escapeText, showName } from '../text/escape.ts';
import { formatTime, parseDuration } from '../text/time.ts';

interface AgentRotateOptions extends AdministratorOptions {
  readonly newKey: string;
  readonly key?: string;
  readonly tenant?: string;
  readonly overlap?: string;
  readonly out?: string;
  readonly force?: boolean;
}

export const agentRotate: AnyCommand = defineCommand<AgentRotateOptions>({
  name: 'agent rotate',
  summary: 'replace the key of an agent',
  description:
    'The agent replaces its own key: the old one (--key) consents, the new one accepts. Where the old key is lost or in wrong hands, an ' +
    'administrator replaces it (name and --tenant). The rotation statement that comes back is what the new key presents tokens of the old one ' +
    'with; after a compromise there is none.',
  operands: [{ term: '[name]', description: 'name of the agent, for an administrator to say' }],
  options: [
    requiredOption('--new-key <file>', 'private key that the agent has from now on'),
    valueOption('--key <file>', 'private key that it has'),
    valueOption('--tenant <name>', 'tenant of the agent, for an administrator to say'),
    valueOption(
      '--overlap <duration|0>',
      'how long the old key goes on (default: as the authority has it)',
    ),
    ...administratorOptions,
    outOption,
    forceOption,
  ],
  examples: [
    {
      line: 'taper agent rotate --key desk.jwk --new-key desk-2.jwk --authority https://authority.example --out rotation.jwt',
      does: 'As the agent.',
    },
    {
      line: 'taper agent rotate desk --tenant acme --new-key desk-2.jwk --overlap 0',
      does: 'As an administrator, with the old key ending now.',
    },
  ],
  async run([name], options, session) {
    if ((name === undefined) === (options.key === undefined))
      throw new Failure('usage', 'the agent replaces its key, or an administrator does', {
        hint: 'Give --key, or the name of the agent and --tenant.',
      });
    const overlap =
      options.overlap === undefined
        ? undefined
        : options.overlap === '0'
          ? 0
          : parseDuration(options.overlap, '--overlap');
    const answer =
      name === undefined
        ? await byHolder(options, overlap, session)
        : await byAdministrator(name, options, overlap, session);
    return tell(answer, options, session);
  },
});

interface Answer {
  readonly spiffe_id?: unknown;
  readonly statement?: unknown;
  readonly old_until?: unknown;
}

async function byHolder(
  options: AgentRotateOptions,
  overlap: number | undefined,
  session: Session,
): Promise<Answer> {
  const issuer = await findIssuer(options, session);
  const old = await readSigner(options.key as string, '--key', session);
  const fresh = await readSigner(options.newKey, '--new-key', session);
  refuseTestKey(fresh.publicKey, '--new-key', false);
  const { spiffeId: subject } = await identify(issuer, old, session);
  const { clock } = session.io;
  const common = { issuer, subject, oldKey: old.publicKey, newKey: fresh.publicKey, now: clock() };
  const consent = await making('the consent', () => consentToRotation({ ...common, signer: old }));
  const acceptance = await making('the acceptance', () =>
    consentToRotation({ ...common, signer: fresh }),
  );
  const client = createHolderClient(issuer, fresh, clock, (length) => randomBytes(length));
  return client.send({
    path: '/key',
    body: {
      old_key: old.publicKey.thumbprint,
      consent,
      acceptance,
      ...(overlap === undefined ? {} : { overlap }),
    },
  });
}

async function byAdministrator(
  agent: string,
  options: AgentRotateOptions,
  overlap: number | undefined,
  session: Session,
): Promise<Answer> {
  const { tenant } = options;
  if (tenant === undefined)
    throw new Failure('usage', 'taper agent rotate needs --tenant', {
      field: '--tenant',
      hint: 'It is the tenant of the agent.',
    });
  const fresh = await readSigner(options.newKey, '--new-key', session);
  refuseTestKey(fresh.publicKey, '--new-key', false);
  const { client, issuer } = await openAdministrator(options, session);
  const place = { params: { path: { tenant, agent } } };
  const shown = resultOf(await client.GET('/admin/tenants/{tenant}/agents/{agent}', place));
  const held =
    shown.keys.find(({ state }) => state === 'current') ??
    shown.keys.findLast(({ state }) => state === 'compromised');
  const acceptance = await making('the acceptance', () =>
    consentToRotation({
      issuer,
      subject: shown.spiffe_id,
      oldKey: importPublicKey(held?.jwk),
      newKey: fresh.publicKey,
      now: session.io.clock(),
      signer: fresh,
    }),
  );
  return resultOf(
    await client.POST('/admin/tenants/{tenant}/agents/{agent}/key', {
      ...place,
      body: {
        key: { ...fresh.publicKey.jwk },
        acceptance,
        ...(overlap === undefined ? {} : { overlap }),
      },
    }),
  );
}

async function tell(
  { spiffe_id: id, statement, old_until: until }: Answer,
  { out, force }: AgentRotateOptions,
  session: Session,
): Promise<Outcome> {
  if (typeof id !== 'string' || typeof until !== 'number')
    throw new Failure('server_answer_invalid', 'the authority answers without a rotation');
  const text = typeof statement === 'string' ? `${statement}\n` : '';
  const toFile = out !== undefined && out !== '-' && text !== '';
  if (toFile) await writeFiles([{ path: out, text, secret: false }], force === true, session);
  return {
    exitCode: 0,
    text: toFile ? '' : text,
    json: { spiffe_id: id, old_until: formatTime(until), statement: statement ?? null },
    notes: [
      `${escapeText(id)} has the new key; the old one until ${formatTime(until)}`,
      ...(toFile ? [`wrote ${showName(out)}: rotation statement`] : []),
    ],
  };
}
