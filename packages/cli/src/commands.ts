import type { AnyCommand } from './command-definition.ts';

/**
 * All commands but `help`, by name, in the order in which they are listed. The module of a command is loaded when it is called or explained: most need
 * a small part of what all of them need.
 */
export const COMMANDS: Readonly<Record<string, () => Promise<AnyCommand>>> = {
  'key new': async () => (await import('./command/key-new.ts')).keyNew,
  'key show': async () => (await import('./command/key-show.ts')).keyShow,
  'root issue': async () => (await import('./command/root-issue.ts')).rootIssue,
  'root anchor': async () => (await import('./command/root-anchor.ts')).rootAnchor,
  'root rotate': async () => (await import('./command/root-rotate.ts')).rootRotate,
  'anchors fetch': async () => (await import('./command/anchors-fetch.ts')).anchorsFetch,
  'anchors pin': async () => (await import('./command/anchors-pin.ts')).anchorsPin,
  'anchors show': async () => (await import('./command/anchors-show.ts')).anchorsShow,
  delegate: async () => (await import('./command/delegate.ts')).delegate,
  prove: async () => (await import('./command/prove.ts')).prove,
  approve: async () => (await import('./command/approve.ts')).approve,
  verify: async () => (await import('./command/verify.ts')).verify,
  receipt: async () => (await import('./command/receipt.ts')).receipt,
  inspect: async () => (await import('./command/inspect.ts')).inspect,
  up: async () => (await import('./command/up.ts')).up,
  restore: async () => (await import('./command/restore.ts')).restore,
  'agent enrol': async () => (await import('./command/agent-enrol.ts')).agentEnrol,
  'agent token': async () => (await import('./command/agent-token.ts')).agentToken,
  'agent list': async () => (await import('./command/agent-list.ts')).agentList,
  'agent show': async () => (await import('./command/agent-show.ts')).agentShow,
  'agent suspend': async () => (await import('./command/agent-state.ts')).agentSuspend,
  'agent resume': async () => (await import('./command/agent-state.ts')).agentResume,
  'agent rotate': async () => (await import('./command/agent-rotate.ts')).agentRotate,
  'agent compromise': async () => (await import('./command/agent-state.ts')).agentCompromise,
  'agent retire': async () => (await import('./command/agent-state.ts')).agentRetire,
  'token request': async () => (await import('./command/token-request.ts')).tokenRequest,
  'token exchange': async () => (await import('./command/token-exchange.ts')).tokenExchange,
  'token list': async () => (await import('./command/token-list.ts')).tokenList,
  'grant check': async () => (await import('./command/grant-check.ts')).grantCheck,
  'grant plan': async () => (await import('./command/grant-plan.ts')).grantPlan,
  'grant apply': async () => (await import('./command/grant-apply.ts')).grantApply,
  'grant show': async () => (await import('./command/grant-show.ts')).grantShow,
  'peer list': async () => (await import('./command/peer.ts')).peerList,
  'peer allow': async () => (await import('./command/peer.ts')).peerAllow,
  'peer block': async () => (await import('./command/peer.ts')).peerBlock,
  'peer remove': async () => (await import('./command/peer.ts')).peerRemove,
  'admin add': async () => (await import('./command/admin.ts')).adminAdd,
  'admin list': async () => (await import('./command/admin.ts')).adminList,
  'admin renew': async () => (await import('./command/admin.ts')).adminRenew,
  'admin remove': async () => (await import('./command/admin.ts')).adminRemove,
  'admin revoke': async () => (await import('./command/admin-revoke.ts')).adminRevoke,
  revoke: async () => (await import('./command/revoke.ts')).revoke,
  'revocation serve': async () => (await import('./command/revocation-serve.ts')).revocationServe,
  'revocation audit': async () => (await import('./command/revocation-audit.ts')).revocationAudit,
  'audit verify': async () => (await import('./command/audit-verify.ts')).auditVerify,
  'audit head': async () => (await import('./command/audit-head.ts')).auditHead,
  'audit chain': async () => (await import('./command/audit-chain.ts')).auditChainCommand,
  'evidence export': async () => (await import('./command/evidence-export.ts')).evidenceExport,
  'evidence report': async () => (await import('./command/evidence-report.ts')).evidenceReport,
  'log init': async () => (await import('./command/log-init.ts')).logInit,
  'log append': async () => (await import('./command/log-append.ts')).logAppend,
  'log show': async () => (await import('./command/log-show.ts')).logShow,
  'log prove': async () => (await import('./command/log-prove.ts')).logProve,
  'log verify': async () => (await import('./command/log-verify.ts')).logVerify,
  'log fsck': async () => (await import('./command/log-fsck.ts')).logFsck,
  'log serve': async () => (await import('./command/log-serve.ts')).logServe,
  'log monitor': async () => (await import('./command/log-monitor.ts')).logMonitor,
  'log witness': async () => (await import('./command/log-witness.ts')).logWitness,
  conformance: async () => (await import('./command/conformance.ts')).conformance,
  version: async () => (await import('./command/version.ts')).version,
};

/** The commands that a command line can mean: the one that its first words name, or all of them. */
export async function commandsFor(argv: readonly string[]): Promise<readonly AnyCommand[]> {
  const name = [argv.slice(0, 2).join(' '), argv[0] ?? ''].find((each) =>
    Object.hasOwn(COMMANDS, each),
  );
  const named = name === undefined ? undefined : COMMANDS[name];
  const loaders = named === undefined ? Object.values(COMMANDS) : [named];
  return Promise.all(loaders.map((load) => load()));
}
