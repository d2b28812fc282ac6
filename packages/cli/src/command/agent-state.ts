import { REVOCATION_REASONS, type RevocationReason } from '@taper/core';
import { resultOf } from '../authority-client/administrator-client.ts';
import {
  type AdministratorOptions,
  administratorOptions,
  openAdministrator,
} from '../authority-client/place.ts';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { choiceOption, flagOption, opaqueOption, requiredOption } from '../option.ts';
import { escapeText } from '../text/escape.ts';

interface AgentStateOptions extends AdministratorOptions {
  readonly tenant: string;
  readonly reason?: RevocationReason;
  readonly agentKey?: string;
  readonly keepSuccessors?: boolean;
}

const OPERANDS = [{ term: '<name>', description: 'name of the agent' }] as const;
const TENANT = requiredOption('--tenant <name>', 'tenant of the agent');

function change(
  verb: 'suspend' | 'resume',
  summary: string,
  description: string,
  done: string,
): AnyCommand {
  return defineCommand<AgentStateOptions>({
    name: `agent ${verb}`,
    summary,
    description,
    operands: OPERANDS,
    options: [TENANT, ...administratorOptions],
    examples: [{ line: `taper agent ${verb} desk --tenant acme`, does: 'At once.' }],
    async run([name], { tenant, ...options }, session) {
      const { client } = await openAdministrator(options, session);
      const agent = resultOf(
        await client.POST(`/admin/tenants/{tenant}/agents/{agent}/${verb}`, {
          params: { path: { tenant, agent: name as string } },
        }),
      );
      return { exitCode: 0, text: `${done} ${escapeText(agent.spiffe_id)}\n`, json: agent };
    },
  });
}

export const agentSuspend: AnyCommand = change(
  'suspend',
  'give an agent nothing until it is resumed',
  'A suspended agent gets no identity document and no root. What it holds already goes on: revoke it where that is not meant.',
  'suspended',
);

export const agentResume: AnyCommand = change(
  'resume',
  'end the suspension of an agent',
  'The agent gets identity documents and roots again.',
  'resumed',
);

export const agentRetire: AnyCommand = defineCommand<AgentStateOptions>({
  name: 'agent retire',
  summary: 'end an agent for good, and revoke all its keys',
  description:
    'Name and keys of a retired agent are never used again. All that it holds or handed on is revoked.',
  operands: OPERANDS,
  options: [
    TENANT,
    choiceOption('--reason <reason>', 'why (default: unspecified)', REVOCATION_REASONS),
    ...administratorOptions,
  ],
  examples: [{ line: 'taper agent retire desk --tenant acme', does: 'For good.' }],
  async run([name], { tenant, reason, ...options }, session) {
    const { client } = await openAdministrator(options, session);
    const agent = resultOf(
      await client.POST('/admin/tenants/{tenant}/agents/{agent}/retire', {
        params: { path: { tenant, agent: name as string } },
        body: reason === undefined ? {} : { reason },
      }),
    );
    return {
      exitCode: 0,
      text: `retired ${escapeText(agent.spiffe_id)}: ${entriesOf(agent.revocations)}\n`,
      json: agent,
    };
  },
});

export const agentCompromise: AnyCommand = defineCommand<AgentStateOptions>({
  name: 'agent compromise',
  summary: 'say that a key of an agent is in wrong hands, and revoke it',
  description:
    'Revokes a key of an agent with all that it holds and signed, and every key that took its place by a rotation which it proved: whoever has a ' +
    'key can replace it. Keys that an administrator or a workload identity brought in are kept, and named. The agent stays, and gets a new key with ' +
    '`taper agent rotate`.',
  operands: OPERANDS,
  options: [
    TENANT,
    opaqueOption('--agent-key <thumbprint>', 'which of its keys (default: the current one)'),
    flagOption(
      '--keep-successors',
      'the key leaked only after it had been replaced: keep those that followed',
    ),
    ...administratorOptions,
  ],
  examples: [
    {
      line: 'taper agent compromise desk --tenant acme',
      does: 'Enforcement points know within a second.',
    },
    {
      line: 'taper agent compromise desk --tenant acme --agent-key 4Dq5cCaOFGlWVDoEMrJUGrlj9wmSfPUQ1yLKbFgqQOk',
      does: 'A key that was replaced since, with those that followed.',
    },
  ],
  async run([name], { tenant, agentKey, keepSuccessors, ...options }, session) {
    const { client } = await openAdministrator(options, session);
    const agent = resultOf(
      await client.POST('/admin/tenants/{tenant}/agents/{agent}/compromise', {
        params: { path: { tenant, agent: name as string } },
        body: {
          ...(agentKey === undefined ? {} : { key: agentKey }),
          ...(keepSuccessors === true ? { keep_successors: true } : {}),
        },
      }),
    );
    const entries = entriesOf(agent.revocations);
    return {
      exitCode: 0,
      text: [
        ...agent.marked.map((key) => `revoked ${key}: ${entries}\n`),
        ...agent.kept.map((key) => `kept ${key}\n`),
      ].join(''),
      json: agent,
    };
  },
});

/** Where in the log it stands. */
function entriesOf(revocations: readonly { readonly index: number }[]): string {
  const indexes = revocations.map(({ index }) => index);
  return `${indexes.length === 1 ? 'entry' : 'entries'} ${indexes.join(', ')}`;
}
