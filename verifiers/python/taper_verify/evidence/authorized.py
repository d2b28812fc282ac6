"""Section 5.3: every permitted call was allowed by its chains, at its time, under the auditor's anchors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .. import base64url
from ..audit import Event
from ..caveat import Profile
from ..checkpoint import LogProblem, LogTrust
from ..denial import Denial
from ..jws import Compact
from ..revoked_set import Query, SubjectChain
from ..staple import StapleVerdict, origin_of, verify_staple
from ..strict_json import Json, integer_of
from ..verifier import Limits, Policy, VerifiedChain, Verifier
from .authentic import JudgedLog, chains_of
from .bundle import Shown, Staple, Withheld
from .problem import AUTHORIZED, EvidenceVerdict
from .trust import Emitter, TrustPolicy

PROOF_WINDOW = 60
RETENTION = 86_400

_CUT = 512


class _Stop(Exception):
    """The first step of an event that does not hold ends what needs it."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.code, self.facts = code, facts


@dataclass
class _Past:
    """What stood in the log before an event."""

    decisions: dict[str, Event] = field(default_factory=dict)
    sessions: dict[str, Event] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    proofs: set[tuple[str, str]] = field(default_factory=set)
    withheld: bool = False


class Authorization:
    """Judges the events of all logs of one bundle."""

    def __init__(self, policy: TrustPolicy, tokens: Mapping[str, Compact], staples: Sequence[Staple],
                 as_of: int | None, verdict: EvidenceVerdict) -> None:
        self.policy, self.tokens, self.as_of, self.verdict = policy, tokens, as_of, verdict
        self.staples: dict[str, list[Staple]] = {}
        for each in staples:
            self.staples.setdefault(each.leaf, []).append(each)
        self._reported: set[str] = set()

    def judge(self, judged: JudgedLog) -> None:
        past = _Past()
        good = {item.path for item in judged.good}
        if judged.checkpoint is None:
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

    def _event(self, item: Shown, event: Event, judged: JudgedLog, emitter: Emitter, past: _Past) -> None:
        try:
            if chains_of(event):
                self._caller(item, event, judged, emitter, past)
        except _Stop as stop:
            self._add(stop.code, item.path, **stop.facts)
        identifier = str(event.value["event_id"])
        if event.value["event_type"] == "decision":
            past.decisions.setdefault(identifier, event)
        if event.value["decision"] == "opened" and "session" in event.value:
            past.sessions.setdefault(str(event.value["session"]), event)

    def _caller(self, item: Shown, event: Event, judged: JudgedLog, emitter: Emitter, past: _Past) -> None:
        if event.value["event_type"] == "outcome":
            _check_outcome(event, past)
            return
        if not self.policy.anchors:
            raise _Stop("anchors_missing")
        chains = [self._chain(each, event, emitter) for each in chains_of(event)]
        _check_caveats(event, chains)
        if event.value["decision"] in ("permit", "opened"):
            for chain in chains:
                self._revocation(chain, event, item)
        if event.value["decision"] == "permit":
            self._permit(item, event, chains, judged, emitter, past)

    def _chain(self, named: Mapping[str, Json], event: Event, emitter: Emitter) -> VerifiedChain:
        """Steps 3 and 4 of one chain."""
        compacts = [self.tokens.get(str(each)) for each in _list(named["token_hashes"])]
        if None in compacts:
            raise _Stop("tokens_not_shown")
        verifier = self._verifier(emitter, None)
        found = verifier.verify_chain([each.text for each in compacts if each is not None], event.time)
        if isinstance(found, Denial):
            raise _Stop("chain_denied", denial=found.code, hop=found.hop)
        holders = [token.holder.thumbprint for token in found.tokens]
        expected = [str(found.tokens[0].claims["iss"]), *holders]
        if named["delegation_chain"] != expected or named["agent_id"] != holders[-1]:
            raise _Stop("chain_mismatch")
        if named["delegated_by"] != expected[-2]:
            raise _Stop("chain_mismatch")
        spans = [
            each.span for each in self.policy.anchors
            if each.anchor.key == found.tokens[0].signer and each.anchor.issuer == expected[0]
        ]
        if not any(span.holds(event.time) for span in spans):
            raise _Stop("anchor_not_valid")
        return found

    def _verifier(self, emitter: Emitter, tenant: str | None) -> Verifier:
        return Verifier(
            [each.anchor for each in self.policy.anchors],
            tuple(emitter.enforcement_points),
            Limits(pop_window=PROOF_WINDOW),
            Profile(tenant if emitter.tenant is None else emitter.tenant),
        )

    def _revocation(self, chain: VerifiedChain, event: Event, item: Shown) -> None:
        least_exp = min(integer_of(token.claims["exp"]) or 0 for token in chain.tokens)
        found = [
            each for each in self._staple_verdicts(chain) if each.as_of < least_exp + RETENTION
        ]
        good = [each.as_of for each in found if each.revoked is None and each.as_of >= event.time]
        if good:
            known = self.verdict.revocation_as_of.get(item.path)
            self.verdict.revocation_as_of[item.path] = min(max(good), known if known is not None else max(good))
            return
        if any(each.revoked is not None and each.as_of <= event.time for each in found):
            self._add("chain_revoked", item.path)
            return
        if event.value["decision"] == "permit":
            self.verdict.without["revocation"] += 1
        if self.policy.required.revocation:
            undecided = any(each.revoked is not None for each in found)
            self._add("revocation_undecided" if undecided else "revocation_not_shown", item.path)

    def _staple_verdicts(self, chain: VerifiedChain) -> list[StapleVerdict]:
        """Of the staples of the chain's leaf that verify and count."""
        found = []
        for each in self.staples.get(chain.leaf.hash, []):
            trust = self._staple_log(each.data, chain)
            if trust is None:
                continue
            try:
                found.append(verify_staple(each.data, _query(chain), _oldest(chain), trust, self.as_of))
            except LogProblem as problem:
                if each.path not in self._reported:
                    self._add("staple_invalid", each.path, problem=problem.code)
                self._reported.add(each.path)
        return found

    def _staple_log(self, data: bytes, chain: VerifiedChain) -> LogTrust | None:
        origin = origin_of(data)
        if origin is None:
            # Of no log at all: let the verification say why.
            return next((self.policy.logs[each] for each in self.policy.revocation_logs), None)
        if origin not in self.policy.revocation_logs:
            return None
        asked = chain.caveats.epochs
        return None if asked and origin not in asked else self.policy.logs[origin]

    def _permit(self, item: Shown, event: Event, chains: list[VerifiedChain], judged: JudgedLog, emitter: Emitter,
                past: _Past) -> None:
        """Step 6."""
        tool = event.value.get("tool")
        if not isinstance(tool, str) or _is_cut(tool):
            raise _Stop("tool_not_shown")
        args = judged.arguments.get(item.path)
        for chain in chains:
            denial = self._verifier(emitter, chain.caveats.tenant).permits(chain, tool, args)
            if denial is not None:
                raise _Stop("call_denied", denial=denial.code, hop=denial.hop)
        if not _are_approved(event, tool, chains):
            self._add("approvals_unmet", item.path)
        if args is None:
            self.verdict.without["arguments"] += 1
            if self.policy.required.arguments:
                self._add("arguments_not_shown", item.path)
        if "session" in event.value:
            _check_session(event, past)
        else:
            self._proofs(item, event, chains, tool, args, emitter, past)

    def _proofs(self, item: Shown, event: Event, chains: list[VerifiedChain], tool: str,
                args: dict[str, Json] | None, emitter: Emitter, past: _Past) -> None:
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
                raise _Stop("call_denied", denial=found.code, hop=found.hop)
            used = (chain.leaf.holder.thumbprint, found)
            if used in past.proofs:
                raise _Stop("proof_repeated")
            past.proofs.add(used)


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _same_chains(one: Event, other: Event) -> bool:
    return [each["token_hashes"] for each in chains_of(one)] == [each["token_hashes"] for each in chains_of(other)]


def _check_outcome(event: Event, past: _Past) -> None:
    """Step 2."""
    identifier = event.value.get("decision_event_id")
    if identifier is None:
        if event.value["decision"] in ("executed", "failed"):
            raise _Stop("outcome_without_permit")
        return
    decision = past.decisions.get(str(identifier))
    if decision is None and past.withheld:
        raise _Stop("decision_not_shown")
    if decision is None or decision.value["decision"] != "permit":
        raise _Stop("outcome_without_permit")
    if not _same_chains(event, decision) or event.value.get("tool") != decision.value.get("tool"):
        raise _Stop("outcome_mismatch")
    if str(identifier) in past.outcomes:
        raise _Stop("outcome_repeated")
    past.outcomes[str(identifier)] = str(event.value["event_id"])


def _check_caveats(event: Event, chains: list[VerifiedChain]) -> None:
    """Step 4: `tenant` and `purposes` are the chains'."""
    tenants = {chain.caveats.tenant for chain in chains}
    if tenants != {event.value.get("tenant")}:
        raise _Stop("chain_mismatch")
    purposes = {purpose for chain in chains for _, purpose in chain.caveats.purposes}
    if "purposes" in event.value and set(map(str, _list(event.value["purposes"]))) != purposes:
        raise _Stop("chain_mismatch")


def _check_session(event: Event, past: _Past) -> None:
    opened = past.sessions.get(str(event.value["session"]))
    if opened is None:
        raise _Stop("session_not_shown" if past.withheld else "session_unknown")
    if not _same_chains(event, opened):
        raise _Stop("session_mismatch")


def _is_cut(tool: str) -> bool:
    return "(token withheld)" in tool or (len(tool) > _CUT and tool.endswith("…"))


def _are_approved(event: Event, tool: str, chains: list[VerifiedChain]) -> bool:
    given: dict[str, set[tuple[str, str]]] = {}
    for each in _list(event.value.get("approvals", [])):
        if isinstance(each, dict):
            given.setdefault(str(each["group"]), set()).add((str(each["approver"]), str(each["key"])))
    for chain in chains:
        for group, count in chain.caveats.approvals.get(tool, {}).items():
            by = given.get(group, set())
            if min(len({name for name, _ in by}), len({key for _, key in by})) < count:
                return False
    return True


def _query(chain: VerifiedChain) -> Query:
    """Section 2.3: of one chain, its tokens, the keys of its anchor and holders, and its tenant."""
    keys = [chain.tokens[0].signer.thumbprint, *(token.holder.thumbprint for token in chain.tokens)]
    return Query([SubjectChain([token.hash for token in chain.tokens], keys)], chain.caveats.tenant)


def _oldest(chain: VerifiedChain) -> int:
    return min(integer_of(token.claims["iat"]) or 0 for token in chain.tokens)
