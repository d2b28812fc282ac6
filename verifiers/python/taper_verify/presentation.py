"""What is presented: a chain with its proof, or several of them (draft section 7.4, spec/profile.md section 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .denial import Denied
from .jws import take_apart
from .strict_json import Json, MalformedJson, parse, utf16_length

MAX_APPROVALS = 16
MAX_APPROVAL = 4096


@dataclass(frozen=True)
class PresentedChain:
    chain: Sequence[str]
    proof: str | None


@dataclass(frozen=True)
class Presentation:
    chains: Sequence[PresentedChain]
    approvals: Sequence[str] = ()


def read_presentation_text(text: str | None, knows_profile: bool) -> Presentation:
    """Reads what was received; None when nothing was. Raises Denied."""
    if text is None:
        raise Denied("presentation_missing", "1")
    try:
        return read_presentation(parse(text), knows_profile)
    except MalformedJson as error:
        raise Denied("presentation_malformed", "1") from error


def read_presentation(given: Json, knows_profile: bool) -> Presentation:
    """Raises Denied."""
    if not isinstance(given, dict):
        raise Denied("presentation_malformed", "1")
    approvals = _approvals(given) if knows_profile else []
    if knows_profile and "taper_chains" in given:
        return Presentation(_joined(given), approvals)
    return Presentation([_one(given)], approvals)


def _one(given: dict[str, Json]) -> PresentedChain:
    chain, proof = given.get("aat_chain"), given.get("aat_pop")
    if not isinstance(chain, list) or not all(isinstance(each, str) for each in chain):
        raise Denied("presentation_malformed", "1")
    if "aat_pop" in given and not isinstance(proof, str):
        raise Denied("presentation_malformed", "1")
    return PresentedChain(chain, proof)


def _joined(given: dict[str, Json]) -> list[PresentedChain]:
    joined = given["taper_chains"]
    if "aat_chain" in given or "aat_pop" in given or not isinstance(joined, list) or not 2 <= len(joined) <= 4:
        raise Denied("join_malformed")
    chains = []
    for each in joined:
        if not isinstance(each, dict) or "taper_chains" in each or "taper_approvals" in each:
            raise Denied("join_malformed")
        try:
            one = _one(each)
        except Denied as denied:
            raise Denied("join_malformed") from denied
        if one.proof is None:
            raise Denied("join_malformed")
        chains.append(one)
    leaves = [_leaf(each.chain) for each in chains]
    if len(set(leaves)) != len(leaves):
        raise Denied("join_malformed")
    return chains


def _leaf(chain: Sequence[str]) -> str:
    """The signing input of the leaf, by which joined chains differ."""
    if not chain:
        return ""
    compact = take_apart(chain[-1])
    return chain[-1] if compact is None else compact.signing_input.decode("ascii", "replace")


def _approvals(given: dict[str, Json]) -> list[str]:
    approvals = given.get("taper_approvals", [])
    if not isinstance(approvals, list) or len(approvals) > MAX_APPROVALS:
        raise Denied("approval_malformed")
    if not all(isinstance(each, str) and 1 <= utf16_length(each) <= MAX_APPROVAL for each in approvals):
        raise Denied("approval_malformed")
    return approvals
