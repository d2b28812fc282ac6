"""Audit logs of an enforcement point (spec/audit.md): events, chain, signatures, heads."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from . import base64url
from .jcs import canonical
from .key import PublicKey
from .signature import verifies
from .strict_json import Json, MalformedJson, all_numbers_admissible, integer_of, parse, utf16_length

FIRST_PREVIOUS = "A" * 43
SIGNED_PREFIX = "taper-audit-event-v1:"

_HASH = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_SIGNATURE = re.compile(r"[A-Za-z0-9_-]{86}\Z")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_CODE = re.compile(r"[a-z][a-z0-9_]*\Z")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")

Shape = Callable[[Json], bool]


def _text(value: Json) -> bool:
    return isinstance(value, str)


def _like(pattern: re.Pattern[str]) -> Shape:
    return lambda value: isinstance(value, str) and pattern.match(value) is not None


def _one_of(*values: str) -> Shape:
    return lambda value: isinstance(value, str) and value in values


def _list(shape: Shape) -> Shape:
    return lambda value: isinstance(value, list) and len(value) > 0 and all(map(shape, value))


def _record(**members: Shape) -> Shape:
    return lambda value: (
        isinstance(value, dict)
        and set(value) == set(members)
        and all(shape(value[name]) for name, shape in members.items())
    )


def _from(least: int) -> Shape:
    return lambda value: (number := integer_of(value)) is not None and number >= least


def is_emitter(value: Json) -> bool:
    return isinstance(value, str) and 1 <= utf16_length(value) <= 256 and not _CONTROL.search(value)


_hash = _like(_HASH)
_hashes, _texts = _list(_hash), _list(_text)

#: spec/audit-event.schema.json
MEMBERS: Mapping[str, Shape] = {
    "action": _text,
    "agent_id": _hash,
    "approvals": _list(_record(approver=_text, group=_text, id=_text, key=_hash)),
    "arguments": lambda value: isinstance(value, dict) and len(value) > 0,
    "arguments_hash": _hash,
    "budget": _list(_record(amount=lambda value: isinstance(value, str) and value != "", meter=_text)),
    "decision": _one_of(
        "permit", "deny", "approval_required", "executed", "failed", "not_executed", "opened", "closed"
    ),
    "decision_event_id": _like(_UUID),
    "delegated_by": _text,
    "delegation_chain": _texts,
    "denial_code": _like(_CODE),
    "denial_hop": _from(0),
    "emitter": is_emitter,
    "enforcement_point": _text,
    "event_id": _like(_UUID),
    "event_type": _one_of("decision", "outcome", "session"),
    "joined_chains": _list(
        _record(agent_id=_hash, delegated_by=_text, delegation_chain=_texts, token_hashes=_hashes)
    ),
    "policy_decision_id": _text,
    "policy_id": _text,
    "policy_reasons": _texts,
    "policy_version": _text,
    "presented_chain": _record(delegation_chain=_texts, token_hashes=_hashes),
    "previous_hash": _hash,
    "purposes": _texts,
    "resource": _text,
    "sequence": _from(1),
    "session": _text,
    "signature": _like(_SIGNATURE),
    "tenant": _text,
    "time": _from(0),
    "token_hashes": _hashes,
    "tool": _text,
}
REQUIRED = {
    "decision", "emitter", "enforcement_point", "event_id", "event_type", "previous_hash", "sequence", "signature",
    "time",
}
DECISIONS = {
    "decision": ("permit", "deny", "approval_required"),
    "outcome": ("executed", "failed", "not_executed"),
    "session": ("opened", "deny", "closed"),
}
IDENTITY = {"agent_id", "delegated_by", "delegation_chain", "token_hashes"}


@dataclass(frozen=True)
class Event:
    """One line that has the form of section 2; whether it is genuine is not said."""

    value: Mapping[str, Json]
    hash: str

    @property
    def emitter(self) -> str:
        return str(self.value["emitter"])

    @property
    def sequence(self) -> int:
        return integer_of(self.value["sequence"]) or 0

    @property
    def time(self) -> int:
        return integer_of(self.value["time"]) or 0


@dataclass(frozen=True)
class Problem:
    """A code of section 6 and the line, from 1."""

    code: str
    line: int


@dataclass
class LogVerdict:
    problems: list[Problem] = field(default_factory=list)
    events: list[Event | None] = field(default_factory=list)
    #: Sequence of the last event of which a head shows that nothing before it is missing.
    proved_through: int | None = None

    @property
    def intact(self) -> bool:
        return not self.problems


def hash_of(value: Mapping[str, Json]) -> str:
    unsigned = {name: each for name, each in value.items() if name != "signature"}
    return base64url.encode(hashlib.sha256(canonical(unsigned).encode("utf-8")).digest())


def read_event(line: str) -> Event | None:
    """The event of a line without its line feed; None where section 2 refuses it."""
    try:
        value = parse(line)
    except MalformedJson:
        return None
    if not isinstance(value, dict) or not all_numbers_admissible(value) or canonical(value) != line:
        return None
    if not REQUIRED <= set(value) or not all(name in MEMBERS and MEMBERS[name](each) for name, each in value.items()):
        return None
    return Event(value, hash_of(value)) if _belongs_together(value) else None


def _belongs_together(value: Mapping[str, Json]) -> bool:
    decision = value["decision"]
    if decision not in DECISIONS[str(value["event_type"])]:
        return False
    named = IDENTITY & set(value)
    if named and named != IDENTITY:
        return False
    if not named and decision not in ("deny", "approval_required", "closed"):
        return False
    if "presented_chain" in value and (named or decision != "deny"):
        return False
    return not ("joined_chains" in value and not named)


def signed_text(emitter: str, event_hash: str, sequence: int, time: int) -> bytes:
    """Section 4."""
    head: dict[str, Json] = {"emitter": emitter, "hash": event_hash, "sequence": sequence, "time": time}  # type: ignore[dict-item]
    return (SIGNED_PREFIX + canonical(head)).encode("utf-8")


def _is_signed(key: PublicKey, signature: Json, text: bytes) -> bool:
    data = base64url.decode(signature) if isinstance(signature, str) else None
    return data is not None and verifies(key, text, data)


def event_is_signed(event: Event, key: PublicKey) -> bool:
    return _is_signed(key, event.value["signature"], signed_text(event.emitter, event.hash, event.sequence, event.time))


def verify_log(lines: Sequence[str], key: PublicKey, head: Json = None, emitter: str | None = None,
               ends_with_line_feed: bool = True) -> LogVerdict:
    """Section 6. `lines` without their line feeds; `head` as strict JSON gave it."""
    verdict = LogVerdict()
    expected = emitter
    if expected is None and isinstance(head, dict) and isinstance(head.get("emitter"), str):
        expected = head["emitter"]
    sequence, previous = 0, FIRST_PREVIOUS
    unread = 0
    for number, line in enumerate(lines, 1):
        event = read_event(line)
        if event is not None and expected is None:
            expected = event.emitter
        code = _line_problem(event, expected, key)
        if code is not None or event is None:
            last = number == len(lines) and not ends_with_line_feed
            verdict.problems.append(Problem("line_incomplete" if last and event is None else str(code), number))
            verdict.events.append(None)
            unread += 1
            continue
        code = _place_problem(event, sequence, previous, unread)
        if code is not None:
            verdict.problems.append(Problem(code, number))
        verdict.events.append(event)
        if code != "sequence_repeated":
            sequence, previous, unread = event.sequence, event.hash, 0
    if not lines:
        verdict.problems.append(Problem("log_empty", 1))
    if head is not None:
        _check_head(verdict, head, key, expected, len(lines))
    return verdict


def verify_log_bytes(data: bytes, key: PublicKey, head: Json = None, emitter: str | None = None) -> LogVerdict:
    """Section 6 of a file: each line ends with a line feed, and a line that is not UTF-8 is malformed."""
    whole = data.endswith(b"\n")
    lines = [line.decode("utf-8", "surrogateescape") for line in data.split(b"\n")]
    return verify_log(lines[:-1] if whole or lines == [""] else lines, key, head, emitter, whole or not data)


def _line_problem(event: Event | None, emitter: str | None, key: PublicKey) -> str | None:
    if event is None:
        return "line_malformed"
    if event.emitter != emitter:
        return "emitter_mismatch"
    return None if event_is_signed(event, key) else "signature_invalid"


def _place_problem(event: Event, sequence: int, previous: str, unread: int) -> str | None:
    """Of `unread` bad lines before it each may have stood for one event or for none."""
    if event.sequence <= sequence:
        return "sequence_repeated"
    if event.sequence > sequence + 1 + unread:
        return "sequence_gap"
    follows = event.sequence == sequence + 1
    return "chain_broken" if follows and event.value["previous_hash"] != previous else None


def _check_head(verdict: LogVerdict, head: Json, key: PublicKey, emitter: str | None, lines: int) -> None:
    if not is_head(head, emitter, key) or not isinstance(head, dict):
        verdict.problems.append(Problem("head_invalid", lines + 1))
        return
    sequence = integer_of(head["sequence"])
    for number, event in enumerate(verdict.events, 1):
        if event is not None and event.sequence == sequence:
            if event.hash != head["hash"]:
                verdict.problems.append(Problem("head_mismatch", number))
            elif not verdict.problems:
                verdict.proved_through = sequence
            return
    verdict.problems.append(Problem("cut_off", lines + 1))


def is_head(head: Json, emitter: str | None, key: PublicKey) -> bool:
    shape = _record(emitter=is_emitter, hash=_hash, sequence=_from(1), signature=_like(_SIGNATURE), time=_from(0))
    if not shape(head) or not isinstance(head, dict) or head["emitter"] != emitter:
        return False
    text = signed_text(head["emitter"], head["hash"], integer_of(head["sequence"]) or 0, integer_of(head["time"]) or 0)
    return _is_signed(key, head["signature"], text)


def opens_arguments(arguments_hash: str, salt: bytes, arguments: Mapping[str, Json]) -> bool:
    """Section 5: whether these were the arguments."""
    text = canonical(dict(arguments)).encode("utf-8")
    return base64url.encode(hashlib.sha256(salt + text).digest()) == arguments_hash
