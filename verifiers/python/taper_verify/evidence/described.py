"""What an event says of itself and of those before it (spec/evidence.md section 5.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..audit import Event
from ..strict_json import Json
from ..verifier import VerifiedChain
from .authentic import chains_of


class Stop(Exception):
    """The first step of an event that does not hold ends what needs it."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.code, self.facts = code, facts


@dataclass
class Past:
    """What stood in the log before an event."""

    decisions: dict[str, Event] = field(default_factory=dict)
    sessions: dict[str, Event] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    proofs: set[tuple[str, str]] = field(default_factory=set)
    withheld: bool = False


def listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def same_chains(one: Event, other: Event) -> bool:
    """Whether they say the same of who acts, and by what right."""
    names = ("agent_id", "delegated_by", "delegation_chain", "token_hashes")
    ones, others = ([[each[name] for name in names] for each in chains_of(event)] for event in (one, other))
    return ones == others


def check_outcome(event: Event, past: Past) -> None:
    """Step 2."""
    identifier = event.value.get("decision_event_id")
    if identifier is None:
        if event.value["decision"] in ("executed", "failed"):
            raise Stop("outcome_without_permit")
        return
    decision = past.decisions.get(str(identifier))
    if decision is None and past.withheld:
        raise Stop("decision_not_shown")
    if decision is None or decision.value["decision"] != "permit":
        raise Stop("outcome_without_permit")
    if not same_chains(event, decision) or event.value.get("tool") != decision.value.get("tool"):
        raise Stop("outcome_mismatch")
    if str(identifier) in past.outcomes:
        raise Stop("outcome_repeated")
    past.outcomes[str(identifier)] = str(event.value["event_id"])


def holders_of(chain: VerifiedChain) -> list[str]:
    return [str(chain.tokens[0].claims["iss"]), *(token.holder.thumbprint for token in chain.tokens)]


def check_description(event: Event, described: Sequence[Mapping[str, Json]], chains: Sequence[VerifiedChain]) -> None:
    """Step 4: who is named, the tenant and the purposes are the chains'."""
    for each, chain in zip(described, chains):
        *_, before, last = holders_of(chain)
        if each["agent_id"] != last or each["delegated_by"] != before:
            raise Stop("chain_mismatch")
    if {chain.caveats.tenant for chain in chains} != {event.value.get("tenant")}:
        raise Stop("chain_mismatch")
    purposes = list(dict.fromkeys(purpose for chain in chains for _, purpose in chain.caveats.purposes))
    if listed(event.value.get("purposes", [])) != purposes:
        raise Stop("chain_mismatch")


def check_session(event: Event, past: Past) -> None:
    opened = past.sessions.get(str(event.value["session"]))
    if opened is None:
        raise Stop("session_not_shown" if past.withheld else "session_unknown")
    if not same_chains(event, opened):
        raise Stop("session_mismatch")


def are_approved(event: Event, tool: str, chains: list[VerifiedChain], successors: set[str]) -> bool:
    """Nobody approves twice, and no holder of a token of the chains does, nor whoever has taken a holder's place."""
    seen = {token.holder.thumbprint for chain in chains for token in chain.tokens} | successors
    seen |= {each.new.thumbprint for chain in chains for token in chain.tokens for each in token.rotations}
    given: dict[str, int] = {}
    for each in listed(event.value.get("approvals", [])):
        if isinstance(each, dict) and str(each["key"]) not in seen:
            seen.add(str(each["key"]))
            given[str(each["group"])] = given.get(str(each["group"]), 0) + 1
    return all(
        given.get(group, 0) >= count
        for chain in chains
        for group, count in chain.caveats.approvals.get(tool, {}).items()
    )
