import { randomBytes } from 'node:crypto';
import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { generateKeyPair, type JsonObject, type Signer } from '@taper/core';
import { resultOf } from '../authority-client/administrator-client.ts';
import { createHolderClient } from '../authority-client/holder-client.ts';
import {
  type AdministratorOptions,
  administratorOptions,
  findIssuer,
  openAdministrator,
} from '../authority-client/place.ts';
import { type AnyCommand, defineCommand, type Outcome } from '../command-definition.ts';
import { Failure } from '../failure.ts';
import { readSigner, refuseTestKey } from '../file/key.ts';
import { readInput } from '../file/read.ts';
import { writeFiles } from '../file/write.ts';
import { forceOption, outOption, requiredOption, valueOption } from '../option.ts';
import type { Session } from '../session.ts';
import { escapeText, jsonText, showName } from '../text/escape.ts';
import { formatTime } from '../text/time.ts';

interface AgentEnrolOptions extends AdministratorOptions {
  readonly tenant?: string;
  readonly key: string;
  readonly token?: string;
  readonly workload?: string;
  readonly out?: string;
  readonly force?: boolean;
}

export const agentEnrol: AnyCommand = defineCommand<AgentEnrolOptions>({
  name: 'agent enrol',
  summary: 'make a key an agent’s',
  description:
    'Proves a key to the authority, which makes it the key of an agent and answers with an identity document. An administrator names ' +
    'the agent and its tenant. Without an administrator, an agent enrols with a token that `taper agent token` made (--token), or ' +
    'with the token of a workload identity that the authority trusts (--workload).\n\n' +
    'A key file that is not there is made. A key serves one agent, for good.',
  operands: [{ term: '[name]', description: 'name of the agent, for an administrator to say' }],
  options: [
    requiredOption('--key <file>', 'private key of the agent; made when it is not there'),
    valueOption('--tenant <name>', 'tenant of the agent, for an administrator to say'),
    valueOption('--token <file>', 'enrolment token; - for standard input'),
    valueOption('--workload <file>', 'token of a workload identity; - for standard input'),
    ...administratorOptions,
    outOption,
    forceOption,
  ],
  examples: [
    {
      line: 'taper agent enrol desk --tenant acme --key desk.jwk',
      does: 'In the folder of the authority, as its administrator.',
    },
    {
      line: 'taper agent enrol --token enrolment.txt --key desk.jwk --authority https://authority.example',
      does: 'As the agent, anywhere.',
    },
  ],
  async run([name], options, session) {
    const ways = [name, options.token, options.workload].filter((each) => each !== undefined);
    if (ways.length !== 1)
      throw new Failure('usage', 'an agent enrols in one way', {
        hint: 'Give its name and --tenant as an administrator, or --token, or --workload.',
      });
    const { signer, made } = await findKey(options.key, session);
    const admission = await admissionOf(name, options, session);
    const issuer = await findIssuer(options, session);
    const client = createHolderClient(issuer, signer, session.io.clock, (length) =>
      randomBytes(length),
    );
    const identity = await client.send({ path: '/agents', body: admission });
    return tell(identity, made, options, session);
  },
});

/** What is sent to enrol. */
async function admissionOf(
  name: string | undefined,
  options: AgentEnrolOptions,
  session: Session,
): Promise<JsonObject> {
  if (options.workload !== undefined)
    return { workload: (await readInput(options.workload, '--workload', session)).text.trim() };
  if (options.token !== undefined)
    return { enrolment: (await readInput(options.token, '--token', session)).text.trim() };
  if (options.tenant === undefined)
    throw new Failure('usage', 'taper agent enrol needs --tenant', {
      field: '--tenant',
      hint: 'An agent belongs to one tenant, for good.',
    });
  const { client } = await openAdministrator(options, session);
  const { token } = resultOf(
    await client.POST('/admin/tenants/{tenant}/enrolments', {
      params: { path: { tenant: options.tenant } },
      body: { agent: name as string, lifetime: 60 },
    }),
  );
  return { enrolment: token };
}

/** The key in a file; a new one where there is no file. */
async function findKey(
  path: string,
  session: Session,
): Promise<{ readonly signer: Signer; readonly made: boolean }> {
  let made = false;
  if (path !== '-') {
    const there = await access(resolve(session.io.cwd, path)).then(
      () => true,
      () => false,
    );
    if (!there) {
      const { privateJwk } = generateKeyPair();
      await writeFiles([{ path, text: `${jsonText(privateJwk)}\n`, secret: true }], false, session);
      made = true;
    }
  }
  const signer = await readSigner(path, '--key', session);
  refuseTestKey(signer.publicKey, '--key', false);
  return { signer, made };
}

async function tell(
  identity: JsonObject,
  made: boolean,
  { out, force, key }: AgentEnrolOptions,
  session: Session,
): Promise<Outcome> {
  const { spiffe_id: id, identity: document, expires_at: end } = identity;
  if (typeof id !== 'string' || typeof document !== 'string' || typeof end !== 'number')
    throw new Failure(
      'server_answer_invalid',
      'the authority answers without an identity document',
    );
  if (out !== undefined && out !== '-')
    await writeFiles(
      [{ path: out, text: `${document}\n`, secret: false }],
      force === true,
      session,
    );
  return {
    exitCode: 0,
    text: out === '-' ? `${document}\n` : `${escapeText(id)}\n`,
    json: identity,
    notes: [
      ...(made ? [`wrote ${showName(key)}: private Ed25519 key of the agent`] : []),
      ...(out === undefined || out === '-'
        ? []
        : [`wrote ${showName(out)}: identity document, good until ${formatTime(end)}`]),
    ],
  };
}
