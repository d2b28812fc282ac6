/**
 * What every Cedar schema here starts from: who calls, on what, and all that is known of the call beside its arguments.
 * A schema adds its actions, one for each tool, and may add entity types. Times are seconds since the epoch.
 */
export const CEDAR_BASE_SCHEMA = `namespace Taper {
  // A role that the resource owner gives to agents in the entities.
  entity Role in [Role];
  // The holder of a key; its id is the RFC 7638 thumbprint.
  entity Agent in [Role] tags String;
  // What a call acts on; its id is what the adapter says, or the name of the tool.
  entity Resource in [Resource] tags String;

  type Approval = { group: String, approver: String };

  type Call = {
    tool: String,
    // What the adapter says is done, such as "read"; the name of the tool where it says nothing.
    action: String,
    // SPIFFE ID of the principal, and how well it has behaved, 0 to 100, where the enforcement point knows.
    agentId?: String,
    trust?: Long,
    enforcementPoint: String,
    now: Long,
    // The agent to whom the first chain was issued. The principal got its authority from it, or is it.
    root: Agent,
    // Who issued the first chain.
    issuer: String,
    // How many chains are joined; 1 for most calls.
    chains: Long,
    // Over all chains: every issuer, every holder, the hash of every token, the longest, the first to expire.
    issuers: Set<String>,
    agents: Set<Agent>,
    tokens: Set<String>,
    depth: Long,
    expiresAt: Long,
    tenant?: String,
    purposes: Set<String>,
    // Valid approvals of this very call. Ask for them by @approval, which counts them.
    approvals: Set<Approval>,
  };
}
`;
