"""Section 5.3: every permitted call was allowed by its chains, at its time, under the auditor's anchors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..audit import Event
from ..caveat import Profile
from ..checkpoint import LogProblem
from ..denial import Denial, Denied
from ..jws import Compact, take_apart
from ..revoked_set import Query, SubjectChain
from ..rotation import Rotation
from ..staple import StapleVerdict, origin_of, verify_staple
from ..strict_json import Json, integer_of
from ..verifier import Limits, Policy, VerifiedChain, Verifier
from .authentic import JudgedLog, chains_of
from .bundle import Shown, Staple, Withheld
from .described import (
    Past,
    Stop,
    are_approved,
    check_description,
    check_outcome,
    check_session,
    holders_of,
    listed,
)
from .problem import AUTHORIZED, EvidenceVerdict
from .trust import Emitter, TrustPolicy

PROOF_WINDOW = 60
RETENTION = 86_400


class Authorization:
    """Judges the events of all logs of one bundle."""

    def __init__(self, policy: TrustPolicy, tokens: Mapping[str, Compact], staples: Sequence[Staple],
                 as_of: int | None, verdict: EvidenceVerdict) -> None:
        self.policy, self.tokens, self.as_of, self.verdict = policy, tokens, as_of, verdict
        self.staples: dict[str, list[Staple]] = {}
        for each in staples:
            self.staples.setdefault(each.leaf, []).append(each)
        self._known: dict[str, list[tuple[str, StapleVerdict]]] = {}

    def judge(self, judged: JudgedLog) -> None:
        past = Past()
        good = {item.path for item in judged.good}
        if judged.checkpoint is None or judged.emitter is None:
            self._add("not_authentic", judged.log.path)
        for item in judged.log.items:
            if isinstance(item, Withheld):
                past.withheld = True
            elif item.path not in good or item.event is None or judged.emitter is None:
                if judged.emitter is not None:
                    self._add("not_authentic", item.path)
                past.withheld = True
            else:
                self._event(item, item.event, judged, judged.emitter, past)
        for identifier in past.decisions:
            event = past.decisions[identifier]
            if event.value["decision"] == "permit" and identifier not in past.outcomes:
                self.verdict.notices.append({"code": "outcome_missing", "event_id": identifier})

    def _add(self, code: str, path: str, **facts: object) -> None:
        self.verdict.add(AUTHORIZED, code, path, **facts)

    def _event(self, item: Shown, event: Event, judged: JudgedLog, emitter: Emitter, past: Past) -> None:
        try:
            if event.value["event_type"] == "outcome":
                check_outcome(event, past)
            elif event.value["decision"] in ("permit", "opened"):
                self._caller(item, event, judged, emitter, past)
            else:
                self._denied(event, emitter)
        except Stop as stop:
            self._add(stop.code, item.path, **stop.facts)
        identifier = str(event.value["event_id"])
        if event.value["event_type"] == "decision":
            past.decisions.setdefault(identifier, event)
        if event.value["decision"] == "opened" and "session" in event.value:
            past.sessions.setdefault(str(event.value["session"]), event)

    def _caller(self, item: Shown, event: Event, judged: JudgedLog, emitter: Emitter, past: Past) -> None:
        """Of what asks for authority: steps 1 and 3 to 6."""
        if not self.policy.anchors:
            raise Stop("anchors_missing")
        described = chains_of(event)
        if not all(self._has_tokens(each) for each in described):
            raise Stop("tokens_not_shown")
        chains = [self._chain(each, event, emitter) for each in described]
        check_description(event, described, chains)
        self._revocation(chains, event, item)
        if event.value["decision"] == "permit":
            self._permit(item, event, chains, judged, emitter, past)
            return
        for chain in chains:
            denial = self._verifier(emitter, chain.caveats.tenant).admits(chain)
            if denial is not None:
                raise Stop("call_denied", denial=denial.code, hop=denial.hop)

    def _denied(self, event: Event, emitter: Emitter) -> None:
        """Of a denied call, or one that awaits approval: what can be verified, and nothing is missed."""
        presented = event.value.get("presented_chain")
        described = [*chains_of(event), *([presented] if isinstance(presented, dict) else [])]
        for each in described if self.policy.anchors else []:
            if self._has_tokens(each):
                self._chain(each, event, emitter)

    def _has_tokens(self, described: Mapping[str, Json]) -> bool:
        return all(str(each) in self.tokens for each in listed(described["token_hashes"]))

    def _chain(self, described: Mapping[str, Json], event: Event, emitter: Emitter) -> VerifiedChain:
        """Step 4 of one chain."""
        texts = [self.tokens[str(each)].text for each in listed(described["token_hashes"])]
        found = self._verifier(emitter, None).verify_chain(texts, event.time)
        if isinstance(found, Denial):
            raise Stop("chain_denied", denial=found.code, hop=found.hop)
        if described["delegation_chain"] != holders_of(found):
            raise Stop("chain_mismatch")
        signers = {found.tokens[0].signer.thumbprint, *(
            each.signer for token in found.tokens for each in token.rotations
        )}
        if not all(self._is_valid_at(event.time, found, each) for each in signers):
            raise Stop("anchor_not_valid")
        return found

    def _is_valid_at(self, time: int, chain: VerifiedChain, signer: str) -> bool:
        """Whether a key of the chain's issuer is believed for events of this time."""
        return any(
            each.anchor.key.thumbprint == signer
            and each.anchor.issuer == chain.tokens[0].claims["iss"]
            and each.span.holds(time)
            for each in self.policy.anchors
        )

    def _verifier(self, emitter: Emitter, tenant: str | None) -> Verifier:
        return Verifier(
            [each.anchor for each in self.policy.anchors],
            tuple(emitter.enforcement_points),
            Limits(pop_window=PROOF_WINDOW),
            Profile(tenant if emitter.tenant is None else emitter.tenant),
        )

    def _revocation(self, chains: list[VerifiedChain], event: Event, item: Shown) -> None:
        """Of all chains, and of each log that a chain names, the worst counts."""
        answers = []
        for chain in chains:
            verdicts = self._staple_verdicts(chain)
            asked = chain.caveats.epochs
            if not asked:
                # Each log of which there is a staple that counts is asked; with none there is nothing to be known.
                asked = {origin: 0 for origin, each in verdicts if _counts(chain, each)} or {"": 0}
            for log, epoch in asked.items():
                of_log = [each for origin, each in verdicts if origin == log and each.epoch >= epoch]
                answers.append(_known(chain, event.time, of_log))
        worst = max(answers, key=lambda answer: _RANK.index(answer[0]))[0]
        if worst == "in_force":
            self.verdict.revocation_as_of[item.path] = min(as_of for _, as_of in answers if as_of is not None)
            return
        if worst == "chain_revoked":
            self._add(worst, item.path)
            return
        self.verdict.without["revocation"] += event.value["decision"] == "permit"
        if self.policy.required.revocation:
            self._add(worst, item.path)

    def _staple_verdicts(self, chain: VerifiedChain) -> list[tuple[str, StapleVerdict]]:
        """Of the staples of the chain's leaf those that verify, with their origins; each is verified once."""
        if chain.leaf.hash in self._known:
            return self._known[chain.leaf.hash]
        found: list[tuple[str, StapleVerdict]] = []
        for each in self.staples.get(chain.leaf.hash, []):
            origin = origin_of(each.data) or ""
            problem = "origin_mismatch"
            try:
                if origin in self.policy.revocation_logs:
                    trust = self.policy.logs[origin]
                    verdict = verify_staple(each.data, _query(chain), _oldest(chain), trust, self.as_of)
                    found.append((origin, verdict))
                    continue
                if not origin:
                    problem = "staple_malformed"
            except LogProblem as refused:
                problem = refused.code
            self._add("staple_invalid", each.path, problem=problem)
        self._known[chain.leaf.hash] = found
        return found

    def _permit(self, item: Shown, event: Event, chains: list[VerifiedChain], judged: JudgedLog, emitter: Emitter,
                past: Past) -> None:
        """Step 6."""
        tool = event.value.get("tool")
        if not isinstance(tool, str) or tool.endswith("…") or "(token withheld)" in tool:
            raise Stop("tool_not_shown")
        args = judged.arguments.get(item.path)
        for chain in chains:
            denial = self._verifier(emitter, chain.caveats.tenant).permits(chain, tool, args)
            if denial is not None:
                raise Stop("call_denied", denial=denial.code, hop=denial.hop)
        rotations = self._rotations(item, chains, emitter)
        successors = {each.new.thumbprint for _, each in rotations}
        for chain, each in rotations:
            if not self._is_valid_at(event.time, chain, each.signer):
                self._add("anchor_not_valid", item.path)
        if successors and item.path in self.verdict.revocation_as_of:
            # A staple is of the chain: of the key that took its holder's place in the proof, it shows nothing.
            del self.verdict.revocation_as_of[item.path]
            self.verdict.without["revocation"] += 1
            if self.policy.required.revocation:
                self._add("revocation_not_shown", item.path)
        if not are_approved(event, tool, chains, successors):
            self._add("approvals_unmet", item.path)
        if args is None:
            self.verdict.without["arguments"] += 1
            if self.policy.required.arguments:
                self._add("arguments_not_shown", item.path)
        if "session" in event.value:
            check_session(event, past)
        else:
            self._proofs(item, event, chains, tool, args, emitter, past)

    def _rotations(self, item: Shown, chains: list[VerifiedChain], emitter: Emitter
                   ) -> list[tuple[VerifiedChain, Rotation]]:
        """The statements in the proofs."""
        found: list[tuple[VerifiedChain, Rotation]] = []
        for chain, proof in zip(chains, (item.opening.proofs if item.opening is not None else None) or ()):
            compact = take_apart(proof)
            if compact is None or compact.header is None:
                continue
            try:
                _, rotations = self._verifier(emitter, chain.caveats.tenant).acting(compact.header, chain.tokens)
            except Denied:
                continue
            found += [(chain, each) for each in rotations]
        return found

    def _proofs(self, item: Shown, event: Event, chains: list[VerifiedChain], tool: str,
                args: dict[str, Json] | None, emitter: Emitter, past: Past) -> None:
        proofs = item.opening.proofs if item.opening is not None else None
        if proofs is None or args is None:
            self.verdict.without["proofs"] += 1
            if self.policy.required.proofs:
                self._add("proof_not_shown", item.path)
            return
        for chain, proof in zip(chains, proofs):
            verifier = self._verifier(emitter, chain.caveats.tenant)
            asked = Policy(require_pop_aud=emitter.requires_proof_audience)
            found = verifier.proves(chain, proof, tool, args, event.time, asked)
            if isinstance(found, Denial):
                raise Stop("call_denied", denial=found.code, hop=found.hop)
            used = (chain.leaf.holder.thumbprint, found[0])
            if used in past.proofs:
                raise Stop("proof_repeated")
            past.proofs.add(used)


#: From the best to the worst.
_RANK = ("in_force", "revocation_undecided", "revocation_not_shown", "chain_revoked")


def _known(chain: VerifiedChain, time: int, verdicts: Sequence[StapleVerdict]) -> tuple[str, int | None]:
    """What staples say of a chain at a time, and as of when it was in force."""
    counted = [each for each in verdicts if _counts(chain, each)]
    good = [each.as_of for each in counted if each.revoked is None and each.as_of >= time]
    revoked = [each.as_of for each in counted if each.revoked is not None]
    if good:
        return "in_force", max(good)
    if any(as_of <= time for as_of in revoked):
        return "chain_revoked", None
    return ("revocation_undecided" if revoked else "revocation_not_shown"), None


def _counts(chain: VerifiedChain, verdict: StapleVerdict) -> bool:
    """Whether the log still knew of the chain's tokens what had been revoked."""
    least_exp = min(integer_of(token.claims["exp"]) or 0 for token in chain.tokens)
    return verdict.as_of < least_exp + RETENTION


def _query(chain: VerifiedChain) -> Query:
    """Section 2.3: of one chain, its tokens, the keys of its anchor and holders, what was exchanged for its root, and its tenant."""
    anchor = chain.tokens[0].signer.thumbprint
    keys = [anchor, *(token.holder.thumbprint for token in chain.tokens)]
    for token in chain.tokens:
        for each in token.rotations:
            keys += [each.new.thumbprint] if each.signer == anchor else [each.new.thumbprint, each.signer]
    own = SubjectChain([token.hash for token in chain.tokens], keys)
    return Query([own, *chain.tokens[0].subject.chains], chain.caveats.tenant)


def _oldest(chain: VerifiedChain) -> int:
    before = chain.tokens[0].subject.oldest_issued_at
    own = min(integer_of(token.claims["iat"]) or 0 for token in chain.tokens)
    return own if before is None else min(own, before)
