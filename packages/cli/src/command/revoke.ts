import {
  type PublicKey,
  platform,
  REVOCATION_REASONS,
  type RevocationReason,
  type RevocationTarget,
  requestRevocation,
  unsafeRevocationRequest,
} from '@taper/core';
import { type AnyCommand, defineCommand, type Outcome } from '../command-definition.ts';
import { Failure } from '../failure.ts';
import { readChain } from '../file/chain.ts';
import { readPublicHalf, readSigner } from '../file/key.ts';
import { readInput } from '../file/read.ts';
import { writeFiles } from '../file/write.ts';
import { making, presentTime, tokenId } from '../make.ts';
import {
  choiceOption,
  flagOption,
  forceOption,
  idOption,
  listOption,
  nowOption,
  outOption,
  requiredOption,
  valueOption,
} from '../option.ts';
import { type Admission, sendRevocation } from '../revocation-service.ts';
import type { Session } from '../session.ts';
import { showName } from '../text/escape.ts';
import { parseTime } from '../text/time.ts';

interface RevokeOptions {
  readonly origin: string;
  readonly key?: string;
  readonly to?: string;
  readonly out?: string;
  readonly force?: boolean;
  readonly hop?: string;
  readonly holderKey?: boolean;
  readonly token?: string;
  readonly root?: string;
  readonly until?: string;
  readonly agent?: string;
  readonly agentKey?: readonly string[];
  readonly tenant?: string;
  readonly issuedBefore?: string;
  readonly reason?: RevocationReason;
  readonly request?: string;
  readonly authority?: readonly string[];
  readonly id?: string;
  readonly now?: string;
}

export const revoke: AnyCommand = defineCommand<RevokeOptions>({
  name: 'revoke',
  summary: 'take back a token, a key, an agent or a tenant’s tokens',
  description:
    'Signs a request to revoke the last token of a chain, with all that was derived from it, and sends it to the service of a ' +
    'revocation log. Its holder may, its issuer, and everybody above them on the chain. With --holder-key the holder revokes ' +
    'its own key. Tokens by their hash, agents and tenants are for the key of the authority; an administrator of an authority that runs ' +
    'revokes them with `taper admin revoke`.\n\n' +
    'A request does not grow old: make one with --out, keep it, and send it with --request on the day it is needed. ' +
    'Nothing is ever un-revoked.',
  operands: [
    { term: '[chain]', description: 'chain down to the token, root first; - for standard input' },
  ],
  options: [
    requiredOption('--origin <origin>', 'origin of the revocation log that is to publish it'),
    valueOption('--key <file>', 'private key of whoever revokes; - for standard input'),
    valueOption('--to <url>', 'revocation service to send it to'),
    valueOption(
      '--hop <number>',
      'revoke the token at this hop of the chain, 0 for the root (default: the last)',
    ),
    flagOption(
      '--holder-key',
      'revoke the key of the holder of that token, and with it all its chains',
    ),
    valueOption(
      '--token <hash>',
      'by the authority, without a chain: a token; needs --root and --until',
    ),
    valueOption('--root <hash>', 'hash of the root of its chain: the same where it is a root'),
    valueOption('--until <time>', 'the token expires then, or earlier'),
    valueOption(
      '--agent <name>',
      'by the authority: all keys of an agent, each given with --agent-key',
    ),
    listOption('--agent-key <file>', 'a public key of the agent; may be repeated'),
    valueOption(
      '--tenant <name>',
      'by the authority: all tokens of a tenant; needs --issued-before',
    ),
    valueOption('--issued-before <time>', 'those that are older than this'),
    choiceOption('--reason <reason>', 'why (default: unspecified)', REVOCATION_REASONS),
    valueOption('--request <file>', 'send this request, which was made before'),
    listOption(
      '--authority <file>',
      'public key of the authority, to check the answer; may be repeated',
    ),
    idOption,
    nowOption,
    outOption,
    forceOption,
  ],
  examples: [
    {
      line:
        'taper revoke chain.json --key planner.jwk --origin log.example.com/revocations \\\n' +
        '--to https://revocation.example.com',
      does: 'The planner takes back what it handed on; the answer names the entry in the log.',
    },
    {
      line:
        'taper revoke chain.json --key reader.jwk --holder-key \\\n' +
        '--origin log.example.com/revocations --out emergency.jwt',
      does: 'A request to be kept for the day on which the key is lost.',
    },
  ],
  async run(operands, options, session) {
    const compact =
      options.request === undefined
        ? await makeRequest(operands[0], options, session)
        : await readRequest(options.request, operands[0], options, session);
    const files =
      options.out === undefined || options.out === '-'
        ? []
        : [{ path: options.out, text: `${compact}\n`, secret: false }];
    await writeFiles(files, options.force === true, session);
    const notes = files.map(({ path }) => `wrote ${showName(path)}: a request to revoke`);
    if (options.to === undefined) {
      const isShown = files.length === 0;
      return {
        exitCode: 0,
        text: isShown ? `${compact}\n` : '',
        json: isShown ? { request: compact } : { out: options.out },
        notes,
      };
    }
    const authority: PublicKey[] = [];
    for (const path of options.authority ?? []) authority.push(await readPublicHalf(path, session));
    const { to: url, origin: log } = options;
    return tell(await sendRevocation(compact, { url, log, authority }), notes);
  },
});

function tell(admission: Admission, notes: readonly string[]): Outcome {
  const { index, entry, direct, added, verified } = admission;
  const how = added
    ? 'revoked'
    : direct
      ? 'was revoked before'
      : 'was revoked before, with what is above it';
  return {
    exitCode: 0,
    text: `${how}: entry ${index}\n`,
    json: { index, entry, direct, added, verified },
    notes: verified
      ? notes
      : [...notes, 'the answer was not checked: give the key of the authority with --authority'],
  };
}

async function makeRequest(
  path: string | undefined,
  options: RevokeOptions,
  session: Session,
): Promise<string> {
  const now = presentTime(options.now, session);
  if (options.key === undefined) throw missing('--key');
  const { target, chain, expiresAt } = await readTargetOptions(path, options, session);
  const signer = await readSigner(options.key, '--key', session);
  const { origin: log, reason } = options;
  return making('the request', () =>
    requestRevocation({
      log,
      target,
      chain,
      signer,
      now,
      id: tokenId(options.id, now),
      ...(reason === undefined ? {} : { reason }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    }),
  );
}

interface Asked {
  readonly target: RevocationTarget;
  readonly chain: readonly string[];
  readonly expiresAt?: number;
}

async function readTargetOptions(
  path: string | undefined,
  options: RevokeOptions,
  session: Session,
): Promise<Asked> {
  const { token, agent, tenant } = options;
  const named = [path, token, agent, tenant].filter((value) => value !== undefined);
  if (named.length !== 1)
    throw new Failure('usage', 'what is to be revoked has to be named once', {
      hint: 'Give a chain, or one of --token, --agent and --tenant.',
    });
  if (token !== undefined) {
    if (options.until === undefined) throw missing('--until');
    const { root } = options;
    if (root === undefined) throw missing('--root');
    return {
      target: { kind: 'token', token, root },
      chain: [],
      expiresAt: parseTime(options.until, '--until'),
    };
  }
  if (agent !== undefined) {
    if (options.agentKey === undefined) throw missing('--agent-key');
    const keys = new Set<string>();
    for (const file of options.agentKey) keys.add((await readPublicHalf(file, session)).thumbprint);
    return { target: { kind: 'agent', agent, keys: [...keys].sort() }, chain: [] };
  }
  if (tenant !== undefined) {
    if (options.issuedBefore === undefined) throw missing('--issued-before');
    const before = parseTime(options.issuedBefore, '--issued-before');
    return { target: { kind: 'tenant', tenant, issued_before: before }, chain: [] };
  }
  return readChainTarget(path as string, options, session);
}

async function readChainTarget(
  path: string,
  { hop, holderKey, key }: RevokeOptions,
  session: Session,
): Promise<Asked> {
  const { tokens, source } = await readChain(path, session);
  const last = hop === undefined ? tokens.length - 1 : /^[0-9]{1,4}$/.test(hop) ? Number(hop) : -1;
  const chain = tokens.slice(0, last + 1);
  if (last < 0 || last >= tokens.length)
    throw new Failure('usage', `${source} has no such hop`, {
      field: '--hop',
      hint: `It has ${tokens.length} tokens; hop 0 is the root.`,
    });
  if (holderKey === true) {
    const { thumbprint } = await readPublicHalf(key as string, session);
    return { target: { kind: 'key', key: thumbprint }, chain };
  }
  const [root, token] = [chain[0], chain.at(-1)].map(hashOf) as [string, string];
  return { target: { kind: 'token', token, root }, chain };
}

function hashOf(compact: string | undefined): string {
  const text = compact ?? '';
  return platform.sha256(Buffer.from(text.slice(0, Math.max(text.lastIndexOf('.'), 0))));
}

async function readRequest(
  path: string,
  chain: string | undefined,
  { key, origin }: RevokeOptions,
  session: Session,
): Promise<string> {
  if (chain !== undefined || key !== undefined)
    throw new Failure('usage', '--request is made already: it takes no chain and no --key', {
      field: '--request',
      hint: 'Leave them out, or leave --request out to make another.',
    });
  const { text, source } = await readInput(path, '--request', session);
  const compact = text.trim();
  const said = unsafeRevocationRequest(compact);
  if (said === undefined || said.log !== origin)
    throw new Failure('request_malformed', `${source} is no request for this log`, {
      file: source,
      field: '--request',
      hint: 'Give what `taper revoke --out FILE` made for the same --origin.',
    });
  return compact;
}

function missing(option: string): Failure {
  return new Failure('usage', `taper revoke needs ${option}`, {
    field: option,
    hint: '`taper revoke --help` explains it.',
  });
}
