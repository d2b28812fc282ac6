import { Command, CommanderError } from 'commander';
import { adminAdd, adminList, adminRemove, adminRenew } from './command/admin.ts';
import { adminRevoke } from './command/admin-revoke.ts';
import { agentEnrol } from './command/agent-enrol.ts';
import { agentList } from './command/agent-list.ts';
import { agentRotate } from './command/agent-rotate.ts';
import { agentShow } from './command/agent-show.ts';
import { agentCompromise, agentResume, agentRetire, agentSuspend } from './command/agent-state.ts';
import { agentToken } from './command/agent-token.ts';
import { anchorsFetch } from './command/anchors-fetch.ts';
import { anchorsPin } from './command/anchors-pin.ts';
import { anchorsShow } from './command/anchors-show.ts';
import { approve } from './command/approve.ts';
import { auditChainCommand } from './command/audit-chain.ts';
import { auditHead } from './command/audit-head.ts';
import { auditVerify } from './command/audit-verify.ts';
import { conformance } from './command/conformance.ts';
import { delegate } from './command/delegate.ts';
import { evidenceExport } from './command/evidence-export.ts';
import { evidenceReport } from './command/evidence-report.ts';
import { grantApply } from './command/grant-apply.ts';
import { grantCheck } from './command/grant-check.ts';
import { grantPlan } from './command/grant-plan.ts';
import { grantShow } from './command/grant-show.ts';
import { helpCommand } from './command/help.ts';
import { inspect } from './command/inspect.ts';
import { keyNew } from './command/key-new.ts';
import { keyShow } from './command/key-show.ts';
import { logAppend } from './command/log-append.ts';
import { logFsck } from './command/log-fsck.ts';
import { logInit } from './command/log-init.ts';
import { logMonitor } from './command/log-monitor.ts';
import { logProve } from './command/log-prove.ts';
import { logServe } from './command/log-serve.ts';
import { logShow } from './command/log-show.ts';
import { logVerify } from './command/log-verify.ts';
import { logWitness } from './command/log-witness.ts';
import { peerAllow, peerBlock, peerList, peerRemove } from './command/peer.ts';
import { prove } from './command/prove.ts';
import { receipt } from './command/receipt.ts';
import { restore } from './command/restore.ts';
import { revocationAudit } from './command/revocation-audit.ts';
import { revocationServe } from './command/revocation-serve.ts';
import { revoke } from './command/revoke.ts';
import { rootAnchor } from './command/root-anchor.ts';
import { rootIssue } from './command/root-issue.ts';
import { rootRotate } from './command/root-rotate.ts';
import { tokenExchange } from './command/token-exchange.ts';
import { tokenList } from './command/token-list.ts';
import { tokenRequest } from './command/token-request.ts';
import { up } from './command/up.ts';
import { verify } from './command/verify.ts';
import { version } from './command/version.ts';
import type { AnyCommand, Outcome } from './command-definition.ts';
import { Failure } from './failure.ts';
import { commandName, describeHelp, helpText, rememberExamples, shortName } from './help.ts';
import { isRequired, jsonOption } from './option.ts';
import type { Session } from './session.ts';
import { usageFailure } from './usage.ts';

const NOUNS: Readonly<Record<string, string>> = {
  key: 'make and show keys',
  agent: 'enrol and look after agents',
  token: 'get roots from an authority',
  grant: 'say who may get which roots from an authority',
  peer: 'say whom the agents of a tenant may deal with',
  admin: 'say who administers an authority',
  audit: 'check audit logs, take heads of them, and audit the chains of other systems',
  revocation: 'run and check revocation logs',
  log: 'run, read, check and watch transparency logs',
  evidence: 'make evidence of what agents did, and pages to verify it in',
  anchors: 'get, keep and show the trust anchors that an authority publishes',
  root: 'issue root tokens, as the issuer that verifiers trust',
};

const DESCRIPTION = `\
Gives every AI agent its own key and only the authority its task needs. Authority is handed on from holder to holder \
as a chain of signed tokens that can only narrow. Anyone who knows the root issuer's public key can check it, offline.`;

/** What an `action` or `exitOverride` of one run learns. */
interface Run {
  outcome: Outcome | undefined;
  /** Where commander stopped. */
  stoppedAt: Command | undefined;
}

/**
 * Runs the command that a command line names.
 * @throws {Failure} `usage`, and whatever the command throws.
 */
export async function runProgram(argv: readonly string[], session: Session): Promise<Outcome> {
  const run: Run = { outcome: undefined, stoppedAt: undefined };
  const program = buildProgram(run, session);
  try {
    await program.parseAsync(versionFlag(argv), { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    const command = run.stoppedAt ?? program;
    if (thrown.code !== 'commander.helpDisplayed') throw usageFailure(thrown, command);
    return { exitCode: 0, text: helpText(command), json: describeHelp(command) };
  }
  if (run.outcome === undefined) throw new Error('no command ran');
  return run.outcome;
}

/** `taper --version` is what everybody tries first. */
function versionFlag([first, ...rest]: readonly string[]): string[] {
  if (first === undefined) return [];
  return [first === '--version' || first === '-V' ? 'version' : first, ...rest];
}

function buildProgram(run: Run, session: Session): Command {
  const program = prepare(new Command('taper'), DESCRIPTION, run).addOption(jsonOption);
  const definitions = [
    keyNew,
    keyShow,
    rootIssue,
    rootAnchor,
    rootRotate,
    anchorsFetch,
    anchorsPin,
    anchorsShow,
    delegate,
    prove,
    approve,
    verify,
    receipt,
    inspect,
    up,
    restore,
    agentEnrol,
    agentToken,
    agentList,
    agentShow,
    agentSuspend,
    agentResume,
    agentRotate,
    agentCompromise,
    agentRetire,
    tokenRequest,
    tokenExchange,
    tokenList,
    grantCheck,
    grantPlan,
    grantApply,
    grantShow,
    peerList,
    peerAllow,
    peerBlock,
    peerRemove,
    adminAdd,
    adminList,
    adminRenew,
    adminRemove,
    adminRevoke,
    revoke,
    revocationServe,
    revocationAudit,
    auditVerify,
    auditHead,
    auditChainCommand,
    evidenceExport,
    evidenceReport,
    logInit,
    logAppend,
    logShow,
    logProve,
    logVerify,
    logFsck,
    logServe,
    logMonitor,
    logWitness,
    conformance,
    version,
    helpCommand(program),
  ];
  for (const definition of definitions) {
    const words = definition.name.split(' ');
    const verb = words.at(-1) as string;
    const parent = words.length === 1 ? program : noun(program, words[0] as string, run);
    addCommand(parent, verb, definition, run, session);
  }
  return program;
}

function noun(program: Command, name: string, run: Run): Command {
  const existing = program.commands.find((command) => command.name() === name);
  if (existing !== undefined) return existing;
  const summary = NOUNS[name] as string;
  return prepare(program.command(name), `Commands to ${summary}.`, run)
    .summary(summary)
    .addOption(jsonOption);
}

function addCommand(
  parent: Command,
  verb: string,
  definition: AnyCommand,
  run: Run,
  session: Session,
): void {
  const command = prepare(parent.command(verb), definition.description, run);
  command.summary(definition.summary);
  for (const { term, description } of definition.operands) command.argument(term, description);
  for (const option of definition.options) command.addOption(option);
  rememberExamples(command, definition.examples);
  command.addOption(jsonOption);
  command.action(async () => {
    requireOptions(command);
    run.outcome = await definition.run(command.args, command.opts(), session);
  });
}

/** @throws {Failure} `usage` naming all options that are missing. */
function requireOptions(command: Command): void {
  const missing = command.options.filter(
    (option) => isRequired(option) && command.getOptionValue(option.attributeName()) === undefined,
  );
  if (missing.length === 0) return;
  const names = missing.map((option) => `${option.long}`).join(', ');
  throw new Failure('usage', `${shortName(command)} needs ${names}`, {
    field: missing[0]?.long,
    hint: `\`${commandName(command)} --help\` explains them.`,
  });
}

/** Our own ways in all commands: help and errors are ours to write, nothing ends the process. */
function prepare(command: Command, description: string, run: Run): Command {
  return command
    .description(description)
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .allowExcessArguments(false)
    .configureOutput({ writeOut: () => {}, writeErr: () => {} })
    .exitOverride((error) => {
      run.stoppedAt = command;
      throw error;
    });
}
