import type { Denial, Invocation, Verifier } from '@taper/core';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { decisionObject, decisionText, type Judgement } from '../decision.ts';
import { BUNDLE_LIMIT, looksLikeEvidence, verifyBundle } from '../evidence/verification.ts';
import { Failure } from '../failure.ts';
import { readAnchors } from '../file/anchors.ts';
import { type ChainFile, parseChain } from '../file/chain.ts';
import { asText, type InputText, readBytes, readInline } from '../file/read.ts';
import { presentTime } from '../make.ts';
import {
  anchorsOption,
  flagOption,
  listOption,
  nowOption,
  opaqueOption,
  valueOption,
} from '../option.ts';
import { type ProfileOptions, profileOptions, readProfile } from '../profile-option.ts';
import { makeVerifier, warnOfTestKeys } from '../verification.ts';

interface VerifyOptions extends ProfileOptions {
  readonly tool?: string;
  readonly args?: string;
  readonly policy?: string;
  readonly asOf?: string;
  readonly anchors: readonly string[];
  readonly audience?: readonly string[];
  readonly nonce?: string;
  readonly requireChainAudience?: boolean;
  readonly requireProofAudience?: boolean;
  readonly now?: string;
}

const MALFORMED: Denial = { code: 'presentation_malformed', step: '1', facts: {} };
const NO_PROOF: Denial = { code: 'proof_missing', step: '7', facts: {} };

export const verify: AnyCommand = defineCommand<VerifyOptions>({
  name: 'verify',
  summary: 'permit or deny one call, or verify an evidence bundle',
  description:
    'Judges a call as an enforcement point does: the chain, the proof, the tool and the arguments (draft section 8, ' +
    'steps 1 to 7h). Prints PERMIT, or DENY with the code, the token, the step and the facts, and exits with 0 or 1. ' +
    'It keeps no memory, so it cannot see that a proof was used before or a budget is spent, and it asks for neither ' +
    'revocations nor approvals. What is left to the enforcement point is listed.\n\n' +
    'Of an evidence bundle it says, each apart, whether it is authentic, authorized and complete, and names every item at ' +
    'fault; the exit code is 0 when all three pass. It uses no network and no clock. Beside the root issuers a bundle ' +
    'needs --policy: the logs, witnesses and emitters that you trust. Nothing is trusted for being in the bundle.',
  operands: [
    {
      term: '<file>',
      description: 'presentation (chain and proof), or evidence bundle; - for standard input',
    },
  ],
  options: [
    anchorsOption,
    valueOption('--tool <name>', 'of a call: tool that is called'),
    valueOption('--args <json|@file|->', 'of a call: arguments, exactly as they were received'),
    listOption('--audience <id>', 'a name of this enforcement point; may be repeated'),
    opaqueOption('--nonce <text>', 'require this nonce in the proof'),
    flagOption('--require-chain-audience', 'deny chains in which no token names an audience'),
    flagOption('--require-proof-audience', 'deny proofs that name no audience'),
    ...profileOptions,
    nowOption,
    valueOption('--policy <file>', 'of a bundle: whom and what you trust, as JSON'),
    valueOption('--as-of <time>', 'of a bundle: believe nothing that is later (default: no limit)'),
  ],
  examples: [
    {
      line:
        'taper verify call.json --anchors anchors.json --audience https://files.example \\\n' +
        `--tool read_file --args '{"path": "/q1"}'`,
      does: 'Is this call permitted?',
    },
    {
      line: 'taper verify - --anchors anchors.json --tool read_file --args @args.json --json',
      does: 'The same for a script, with the presentation on standard input.',
    },
    {
      line: 'taper verify bundle.json --anchors anchors.json --policy trust.json',
      does: 'Is this evidence authentic, authorized and complete?',
    },
  ],
  async run([path], options, session) {
    const bytes = await readBytes(path as string, 'file', session, BUNDLE_LIMIT);
    if (looksLikeEvidence(bytes.bytes)) {
      requireNone(options, ['tool', 'args', 'audience', 'nonce', 'now'], 'an evidence bundle');
      return verifyBundle(bytes, options, session);
    }
    requireNone(options, ['policy', 'asOf'], 'a presentation');
    const call = requireCall(options);
    const now = presentTime(options.now, session);
    const input = asText(bytes);
    const { text: args } = await readInline(call.args, '--args', session);
    const anchors = await readAnchors(options.anchors, session, now);
    const { tool } = call;
    const { audience, nonce } = options;
    const profile = await readProfile(options, session);
    const verifier = makeVerifier({
      ...profile.verifier,
      anchors,
      ...(audience === undefined ? {} : { audience }),
      ...(nonce === undefined ? {} : { acceptsNonce: (given: string) => given === nonce }),
      requireChainAudience: options.requireChainAudience === true,
      requireProofAudience: options.requireProofAudience === true,
    });
    const file = readPresented(input);
    const decision = judge(file, verifier, { tool, args, now, ...profile.call });
    await warnOfTestKeys(anchors, verifiedTokens(decision), session);
    const presented = file instanceof Failure ? 0 : file.tokens.length;
    return {
      exitCode: decision.verdict === 'permit' ? 0 : 1,
      text: decisionText(decision, tool, now, presented, session),
      json: decisionObject(decision, tool, now),
      ...(file instanceof Failure ? { problem: file } : {}),
    };
  },
});

/** @throws {Failure} `usage` for an option that says something about another kind of file. */
function requireNone(
  options: VerifyOptions,
  names: readonly (keyof VerifyOptions)[],
  kind: string,
): void {
  const given = names.find((name) => options[name] !== undefined);
  if (given === undefined) return;
  const flag = `--${given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw new Failure('usage', `${flag} says nothing about ${kind}`, {
    field: flag,
    hint: '`taper verify --help` says which options belong to which.',
  });
}

/** @throws {Failure} `usage` naming what is missing. */
function requireCall({ tool, args }: VerifyOptions): {
  readonly tool: string;
  readonly args: string;
} {
  if (tool !== undefined && args !== undefined) return { tool, args };
  const missing = [tool === undefined ? '--tool' : [], args === undefined ? '--args' : []].flat();
  throw new Failure('usage', `verify needs ${missing.join(', ')} to judge a call`, {
    field: missing[0],
    hint: '`taper verify --help` explains them.',
  });
}

/** What is no presentation is a call to deny, and a mistake to explain. */
function readPresented(input: InputText): ChainFile | Failure {
  try {
    return parseChain(input);
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown;
    throw thrown;
  }
}

function judge(
  file: ChainFile | Failure,
  verifier: Verifier,
  call: Omit<Invocation, 'presentation'>,
): Judgement {
  if (file instanceof Failure) return { verdict: 'deny', denial: MALFORMED };
  if (file.proof === undefined) return { verdict: 'deny', denial: NO_PROOF };
  const presentation = { aat_chain: file.tokens, aat_pop: file.proof };
  return verifier.authorize({ presentation, ...call });
}

function verifiedTokens(decision: Judgement): Parameters<typeof warnOfTestKeys>[1] {
  if (decision.verdict === 'permit') return decision.chain.tokens;
  const verdict = 'chainVerdict' in decision ? decision.chainVerdict : undefined;
  if (verdict === undefined) return [];
  return verdict.verdict === 'verified' ? verdict.chain.tokens : verdict.verifiedPrefix;
}
