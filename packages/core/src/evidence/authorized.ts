import type { AuditEvent } from '../audit-event/event.ts';
import { joinCaveats } from '../caveat/accumulate.ts';
import { isCaveatText } from '../caveat/shape.ts';
import { type ChainVerdict, chainCaveats, type TrustAnchor, type VerifiedChain } from '../chain.ts';
import type { VerifiedProof } from '../proof.ts';
import { actors } from '../rotation/keys.ts';
import {
  type AsyncVerifier,
  createAsyncVerifier,
  type Decision,
  type Permit,
} from '../verifier.ts';
import type { CheckedLine, CheckedLog } from './authentic.ts';
import { type EventAuthority, JudgedEvent } from './judged-event.ts';
import type { Findings } from './problem.ts';
import { areSameChains, isSame, isSameCall } from './same-call.ts';
import { type EvidenceStaples, type InForce, worse } from './staples.ts';
import { chainsOf, type EvidenceTokens, type NamedChain, presentedChain } from './tokens.ts';
import type { EvidenceEmitter, EvidenceTrust } from './trust.ts';

export interface AuthorizedCheck {
  readonly trust: EvidenceTrust;
  readonly tokens: EvidenceTokens;
  readonly staples: EvidenceStaples;
  readonly findings: Findings;
}

/** Seconds that a proof's `iat` may differ from the time of its event, either way: the widest that an enforcement point may allow. */
const PROOF_WINDOW = 60;

/** Section 5.3 of `spec/evidence.md`, for the events of one log. */
export class AuthorityOfLog {
  readonly #check: AuthorizedCheck;
  readonly #emitter: EvidenceEmitter;
  readonly #decisions = new Map<string, CheckedLine>();
  readonly #sessions = new Map<string, CheckedLine>();
  readonly #outcomes = new Set<string>();
  readonly #proofs = new Set<string>();
  readonly #verifiers = new Map<string, AsyncVerifier>();
  /** Entries before the first that is withheld. */
  readonly #unbroken: number;

  constructor(log: CheckedLog, emitter: EvidenceEmitter, check: AuthorizedCheck) {
    this.#check = check;
    this.#emitter = emitter;
    const gap = log.log.items.find((item) => 'count' in item);
    const bad = log.lines.find(({ event }) => event === undefined);
    this.#unbroken = Math.min(gap?.index ?? log.log.covered, bad?.index ?? log.log.covered);
    for (const line of log.lines) {
      const { event } = line;
      if (event?.event_type === 'decision' && !this.#decisions.has(event.event_id))
        this.#decisions.set(event.event_id, line);
      const { session } = event ?? {};
      if (event?.decision === 'opened' && session !== undefined && !this.#sessions.has(session))
        this.#sessions.set(session, line);
    }
  }

  /** Judges the events in their order. */
  async judge(line: CheckedLine, event: AuditEvent): Promise<EventAuthority> {
    const each = new JudgedEvent(line, event, this.#check.findings);
    if (event.event_type === 'outcome') this.#judgeOutcome(each);
    else await this.#judgeChains(each);
    return each;
  }

  /** Section 5.3, step 2. */
  #judgeOutcome(each: JudgedEvent): void {
    const { event, line } = each;
    const { decision_event_id: id } = event;
    if (id === undefined) {
      if (event.decision !== 'not_executed') each.found('outcome_without_permit');
      return;
    }
    const decided = this.#decisions.get(id);
    if (decided?.event === undefined) {
      each.found(line.index > this.#unbroken ? 'decision_not_shown' : 'outcome_without_permit');
      return;
    }
    if (decided.index > line.index || decided.event.decision !== 'permit') {
      each.found('outcome_without_permit');
      return;
    }
    if (!isSameCall(decided.event, event)) each.found('outcome_mismatch');
    if (this.#outcomes.has(id)) each.found('outcome_repeated');
    this.#outcomes.add(id);
  }

  /** Permits that no outcome was shown for. */
  reportOpenPermits(): void {
    for (const [id, { event, path }] of this.#decisions)
      if (event?.decision === 'permit' && !this.#outcomes.has(id))
        this.#check.findings.notice({ code: 'outcome_missing', path, sequence: event.sequence });
  }

  async #judgeChains(each: JudgedEvent): Promise<void> {
    const { event } = each;
    const { trust, tokens } = this.#check;
    const named = chainsOf(event);
    const shown = presentedChain(event);
    const all = shown === undefined ? named : [...named, shown];
    const compacts = all.map((chain) => tokens.chain(chain.tokens));
    const isActing = event.decision === 'permit' || event.decision === 'opened';
    if (all.length === 0) return;
    if (trust.anchors.length === 0) {
      if (isActing) each.found('anchors_missing');
      return;
    }
    if (compacts.some((chain) => chain === undefined)) {
      if (isActing) each.found('tokens_not_shown');
      if (compacts.every((chain) => chain === undefined)) return;
    }
    const verifier = this.#verifierFor(event);
    const chains: VerifiedChain[] = [];
    for (const [index, chain] of all.entries()) {
      const compact = compacts[index];
      if (compact === undefined) continue;
      const verdict = await verifier.verifyChain(compact, event.time);
      each.verdicts.push(verdict);
      if (verdict.verdict === 'deny') each.denied('chain_denied', verdict.denial);
      else if (!this.#isAsNamed(chain, verdict.chain, event.time, each)) continue;
      else chains.push(verdict.chain);
    }
    if (chains.length !== all.length || !isActing) return;
    if (!this.#isInContext(chains, each)) return;
    await this.#judgeRevocation(chains, each);
    if (event.decision === 'permit') await this.#judgeCall(chains, verifier, each);
    else this.#judgePlace(chains, verifier, each);
  }

  #isAsNamed(named: NamedChain, chain: VerifiedChain, time: number, each: JudgedEvent): boolean {
    const holders = chain.tokens.map(({ claims }) => claims.holder.thumbprint);
    const delegation = [chain.anchor.issuer, ...holders];
    if (!isSame(named.delegation, delegation)) {
      each.found('chain_mismatch');
      return false;
    }
    const rotations = chain.tokens.flatMap((token) => token.rotations ?? []);
    const { anchor } = chain;
    const signers = [anchor.key.thumbprint, ...rotations.map(({ signer }) => signer)];
    if (signers.every((signer) => this.#isValidAt(time, anchor.issuer, signer))) return true;
    each.found('anchor_not_valid');
    return false;
  }

  /** Whether a key of a root issuer is believed for events of this time: it may have signed a root, or a rotation statement. */
  #isValidAt(time: number, issuer: string, thumbprint: string): boolean {
    return this.#check.trust.anchors.some(
      (anchor) =>
        anchor.issuer === issuer &&
        anchor.key.thumbprint === thumbprint &&
        time >= anchor.notBefore &&
        time <= anchor.notAfter,
    );
  }

  /** What the event says follows from its chains is what follows from them. */
  #isInContext(chains: readonly VerifiedChain[], each: JudgedEvent): boolean {
    const { event } = each;
    const caveats = chains.map((chain) => chainCaveats(chain));
    // Before they are joined: no chains of different tenants can be.
    if (caveats.some(({ tenant }) => tenant !== event.tenant)) {
      each.found('chain_mismatch');
      return false;
    }
    const { purposes } = joinCaveats(caveats);
    const [first] = chains as readonly [VerifiedChain];
    const holders = first.tokens.map(({ claims }) => claims.holder.thumbprint);
    const delegation = [first.anchor.issuer, ...holders];
    const isAgent =
      event.agent_id === delegation.at(-1) && event.delegated_by === delegation.at(-2);
    const joined = event.joined_chains ?? [];
    const areAgents = joined.every(
      ({ agent_id, delegated_by, delegation_chain: names }) =>
        agent_id === names.at(-1) && delegated_by === names.at(-2),
    );
    if (isAgent && areAgents && isSame(event.purposes ?? [], purposes)) return true;
    each.found('chain_mismatch');
    return false;
  }

  async #judgeRevocation(chains: readonly VerifiedChain[], each: JudgedEvent): Promise<void> {
    let found: InForce | undefined;
    for (const chain of chains) {
      const verdict = await this.#check.staples.inForce(chain, each.event.time);
      found = found === undefined ? verdict : worse(found, verdict);
    }
    if (found?.verdict === 'in_force') {
      each.notRevokedAsOf = found.asOf;
      return;
    }
    if (found?.verdict === 'chain_revoked') each.found('chain_revoked');
    else each.lacks('revocation', found?.verdict ?? 'revocation_not_shown', this.#check.trust);
  }

  #judgePlace(chains: readonly VerifiedChain[], verifier: AsyncVerifier, each: JudgedEvent): void {
    for (const chain of chains) {
      const misplaced = verifier.checkPlace(chain);
      if (misplaced !== undefined) each.denied('call_denied', misplaced);
    }
  }

  /** Section 5.3, step 6. */
  async #judgeCall(
    chains: readonly VerifiedChain[],
    verifier: AsyncVerifier,
    each: JudgedEvent,
  ): Promise<void> {
    const { event, line } = each;
    const { tool, session } = event;
    if (tool === undefined || tool.endsWith('…') || tool.includes('(token withheld)')) {
      each.found('tool_not_shown');
      return;
    }
    each.verdicts.length = 0;
    for (const [index, chain] of chains.entries()) {
      const decision = await this.#decide(chain, index, tool, verifier, each);
      if (decision === undefined) continue;
      each.verdicts.push(decision);
      if (decision.verdict === 'deny') each.denied('call_denied', decision.denial);
      else this.#useProof(decision, each);
    }
    const proofs = each.verdicts.map((decision) =>
      decision.verdict === 'permit' ? decision.proof : undefined,
    );
    for (const { issuer, signer } of proofs.flatMap((proof) => proof?.rotations ?? []))
      if (!this.#isValidAt(event.time, issuer, signer)) each.found('anchor_not_valid');
    // A staple is of the chain: of the key that took its holder's place in the proof, it shows nothing.
    if (
      each.notRevokedAsOf !== undefined &&
      proofs.some((proof) => proof?.rotations !== undefined)
    ) {
      each.notRevokedAsOf = undefined;
      each.lacks('revocation', 'revocation_not_shown', this.#check.trust);
    }
    if (!areApproved(chains, proofs, tool, event)) each.found('approvals_unmet');
    const { trust } = this.#check;
    if (line.opening === undefined) each.lacks('arguments', 'arguments_not_shown', trust);
    if (session !== undefined) this.#judgeSession(session, each);
    else if (line.opening?.proofs === undefined) each.lacks('proofs', 'proof_not_shown', trust);
  }

  /** The core's own judgement, on as much of the call as is shown. */
  async #decide(
    chain: VerifiedChain,
    index: number,
    tool: string,
    verifier: AsyncVerifier,
    each: JudgedEvent,
  ): Promise<Decision | ChainVerdict | undefined> {
    const { event, line } = each;
    const { opening } = line;
    // What the tool's definition was, nobody can tell now; that it was the pinned one, the enforcement point has checked.
    const [definition] = chainCaveats(chain).definitions(tool);
    const call = {
      tool,
      now: event.time,
      args: opening?.arguments ?? '',
      ...(definition === undefined ? {} : { definition }),
    };
    if (opening === undefined) {
      const { capabilities } = chain.leaf.claims;
      if (!capabilities.has(tool)) each.found('call_denied', { denial: 'tool_not_granted' });
      const misplaced = verifier.checkPlace(chain);
      if (misplaced !== undefined) each.denied('call_denied', misplaced);
      return { verdict: 'verified', chain };
    }
    const proof = opening.proofs?.[index];
    if (proof === undefined) return verifier.authorizeInSession({ ...call, chain });
    const aat_chain = chain.tokens.map(({ compact }) => compact);
    return verifier.authorize({ ...call, presentation: { aat_chain, aat_pop: proof } });
  }

  #useProof(
    decision: Permit | Exclude<ChainVerdict, { verdict: 'deny' }>,
    each: JudgedEvent,
  ): void {
    if (decision.verdict !== 'permit' || decision.proof === undefined) return;
    const used = `${decision.chain.leaf.claims.holder.thumbprint} ${decision.proof.id}`;
    if (this.#proofs.has(used)) each.found('proof_repeated');
    this.#proofs.add(used);
  }

  #judgeSession(session: string, each: JudgedEvent): void {
    const opened = this.#sessions.get(session);
    if (opened?.event === undefined || opened.index > each.line.index)
      each.found(each.line.index > this.#unbroken ? 'session_not_shown' : 'session_unknown');
    else if (!areSameChains(opened.event, each.event)) each.found('session_mismatch');
  }

  /** One for each tenant: an enforcement point refuses the chains of any other. */
  #verifierFor({ tenant: said }: AuditEvent): AsyncVerifier {
    const { enforcementPoints, requireProofAudience } = this.#emitter;
    // What no chain can name is no chain's tenant: such an event is refused once its chains are known.
    const tenant = this.#emitter.tenant ?? (isCaveatText(said) ? said : undefined);
    const known = this.#verifiers.get(tenant ?? '');
    if (known !== undefined) return known;
    const verifier = createAsyncVerifier({
      anchors: distinct(this.#check.trust),
      audience: enforcementPoints,
      requireProofAudience,
      profile: tenant === undefined ? {} : { tenant },
      limits: { proofWindow: PROOF_WINDOW },
    });
    this.#verifiers.set(tenant ?? '', verifier);
    return verifier;
  }
}

/** One key may be an anchor in several times. */
function distinct({ anchors }: EvidenceTrust): readonly TrustAnchor[] {
  const seen = new Map(
    anchors.map(({ issuer, key, hybrid }) => [
      `${key.thumbprint} ${issuer}`,
      hybrid === undefined ? { issuer, key } : { issuer, key, hybrid },
    ]),
  );
  return [...seen.values()];
}

/** An approver counts once, in one group, and never for a call of its own. */
function areApproved(
  chains: readonly VerifiedChain[],
  proofs: readonly (VerifiedProof | undefined)[],
  tool: string,
  event: AuditEvent,
): boolean {
  const demanded = joinCaveats(chains.map((chain) => chainCaveats(chain))).approvals(tool);
  const holders = new Set(chains.flatMap((chain, index) => actors(chain, proofs[index])));
  const seen = new Set(holders);
  const counts = new Map<string, number>();
  for (const { group, key } of event.approvals ?? []) {
    if (seen.has(key)) continue;
    seen.add(key);
    counts.set(group, (counts.get(group) ?? 0) + 1);
  }
  return [...demanded].every(([group, count]) => (counts.get(group) ?? 0) >= count);
}
