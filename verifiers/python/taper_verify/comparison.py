"""Judges what the chain fuzzer took down (`npm run fuzz -- --emit FILE`) and compares verdicts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .caveat import Profile
from .denial import Denial
from .key import read_public_key
from .presentation import Presentation, PresentedChain
from .strict_json import parse
from .verifier import Anchor, Verifier


#: Reasons of which the specifications leave open which comes first, since two rules are broken. Taper's is the first.
LATITUDE = {
    # Step 2c: how much of a payload is read to find `jti`, and so what else is met there, is left to the implementation.
    ("signature_invalid", "token_id_unreadable"),
    ("claims_malformed", "token_id_unreadable"),
    ("token_malformed", "token_id_unreadable"),
    # Step 6b: the arguments have no order.
    ("argument_unexpected", "argument_refused"),
    ("argument_refused", "argument_unexpected"),
}


@dataclass
class Tally:
    """How many chains were judged, and where the two verifiers differ."""

    chains: int = 0
    permits: int = 0
    verdicts: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    #: Other reasons within LATITUDE.
    latitude: int = 0

    def add(self, more: Tally) -> None:
        self.chains += more.chains
        self.permits += more.permits
        self.verdicts += more.verdicts
        self.reasons += more.reasons
        self.latitude += more.latitude


def compare_file(path: Path, first: int = 0, step: int = 1) -> Tally:
    """Families `first`, `first + step`, … of a file, so that processes can share it."""
    tally = Tally()
    for verifier, record, chain in read_records(path, first, step):
        _compare(tally, verifier, record, chain)
    return tally


def read_records(path: Path, first: int = 0, step: int = 1) -> Iterator[tuple[Verifier, Mapping[str, Any], list[str]]]:
    """Each attempt with the verifier of its family and its tokens."""
    verifier: Verifier | None = None
    known: list[str] = []
    family = -1
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            begins = line.startswith('{"family":')
            family += begins
            if family % step != first:
                continue
            record = json.loads(line)
            if begins:
                verifier, known = _verifier_of(record), []
                continue
            if verifier is None:
                raise ValueError(f"{path} does not begin with a family")
            yield verifier, record, _tokens(record["chain"], known)


def _verifier_of(record: Mapping[str, Any]) -> Verifier:
    anchors = [Anchor(each["iss"], read_public_key(parse(json.dumps(each["jwk"])))) for each in record["anchors"]]
    profile = None if record["profile"] is None else Profile(**record["profile"])
    return Verifier(anchors, (record["audience"],), profile=profile)


def _tokens(chain: list[int | str], known: list[str]) -> list[str]:
    tokens = []
    for each in chain:
        if isinstance(each, str):
            known.append(each)
            tokens.append(each)
        else:
            tokens.append(known[each])
    return tokens


def judge(verifier: Verifier, record: Mapping[str, Any], chain: list[str]) -> Denial | None:
    call = record.get("call")
    if call is None:
        verdict = verifier.verify_chain(chain, record["now"])
        return verdict if isinstance(verdict, Denial) else None
    presentation = Presentation([PresentedChain(chain, call["pop"])])
    return verifier.authorize(presentation, call["tool"], call["args_json"], record["now"])


def _compare(tally: Tally, verifier: Verifier, record: Mapping[str, Any], chain: list[str]) -> None:
    denial = judge(verifier, record, chain)
    expected = record["expected"]
    tally.chains += 1
    tally.permits += denial is None
    got = "PERMIT" if denial is None else "DENY"
    where = f"{record['id']} {record['operator']}"
    found = denial or Denial(None)  # type: ignore[arg-type]
    if got != expected["verdict"]:
        tally.verdicts.append(f"{where}: {expected['verdict']} {expected['code']}, here {got} {found.code}")
    elif (expected["code"], found.code) in LATITUDE:
        tally.latitude += 1
    elif (found.code, found.step, found.hop) != (expected["code"], expected["step"], expected["hop"]):
        tally.reasons.append(
            f"{where}: {expected['code']} {expected['step']} {expected['hop']}, "
            f"here {found.code} {found.step} {found.hop}"
        )
