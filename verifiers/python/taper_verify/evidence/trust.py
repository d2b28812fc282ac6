"""The auditor's trust policy (spec/evidence.md section 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ..audit import is_emitter, is_head
from ..checkpoint import Checkpoint, LogProblem, LogTrust, NoteKey, parse_note_key, verify_checkpoint
from ..hybrid import read_hybrid_key
from ..key import KeyRefused, PublicKey, read_public_key
from ..strict_json import Json, MalformedJson, integer_of, parse
from ..verifier import Anchor

MAX_ANCHORS = 100


class PolicyError(ValueError):
    """The policy cannot be used: an error, never a verdict."""


@dataclass(frozen=True)
class Span:
    """Seconds, inclusive."""

    first: int | None
    last: int | None

    def holds(self, time: int) -> bool:
        return (self.first is None or time >= self.first) and (self.last is None or time <= self.last)


@dataclass(frozen=True)
class TrustedAnchor:
    anchor: Anchor
    span: Span


@dataclass(frozen=True)
class Emitter:
    name: str
    key: PublicKey
    log: str
    enforcement_points: Sequence[str]
    requires_proof_audience: bool
    tenant: str | None
    span: Span
    last_sequence: int | None


@dataclass(frozen=True)
class Head:
    emitter: str
    hash: str
    sequence: int


@dataclass(frozen=True)
class Required:
    arguments: bool = True
    proofs: bool = True
    revocation: bool = True
    logs: Sequence[str] = ()
    sequences: tuple[int, int | None] | None = None
    time: tuple[int, int] | None = None


@dataclass(frozen=True)
class TrustPolicy:
    anchors: Sequence[TrustedAnchor]
    emitters: Mapping[str, Emitter]
    logs: Mapping[str, LogTrust]
    revocation_logs: Sequence[str]
    held_checkpoints: Sequence[Checkpoint]
    held_heads: Sequence[Head]
    required: Required


def read_trust_policy(text: str | bytes) -> TrustPolicy:
    """Raises PolicyError."""
    try:
        given = parse(text)
    except MalformedJson as error:
        raise PolicyError("not strict JSON") from error
    members = _object(given, "", {"taper_trust"}, {
        "anchors", "emitters", "logs", "revocation_logs", "held", "required"
    })
    if integer_of(members["taper_trust"]) != 1:
        raise PolicyError("taper_trust is not 1")
    logs = {each.origin: each for each in _each(members, "logs", _log)}
    _unique(members, "logs", logs)
    emitters = {each.log: each for each in _each(members, "emitters", _emitter)}
    _unique(members, "emitters", emitters)
    anchors = _each(members, "anchors", _anchor)
    if len(anchors) > MAX_ANCHORS:
        raise PolicyError("more than 100 anchors")
    keys = {(each.anchor.key, each.anchor.hybrid) for each in anchors}
    if len(keys) != len({key for key, _ in keys}):
        raise PolicyError("anchors: a key is given with and without a second, or with two")
    revocation_logs = _texts(members.get("revocation_logs", []), "revocation_logs")
    if not all(each in logs for each in revocation_logs):
        raise PolicyError("revocation_logs names a log that is not among logs")
    held = _object(members.get("held", {}), "held", set(), {"checkpoints", "heads"})
    return TrustPolicy(
        anchors, emitters, logs, revocation_logs,
        [_held_checkpoint(each, logs) for each in _texts(held.get("checkpoints", []), "held.checkpoints")],
        [_held_head(each, emitters) for each in _list(held.get("heads", []), "held.heads")],
        _required(members.get("required", {})),
    )


def _unique(members: Mapping[str, Json], name: str, made: Mapping[str, object]) -> None:
    if len(made) != len(_list(members.get(name, []), name)):
        raise PolicyError(f"{name} has two for one log")


def _object(given: Json, path: str, required: set[str], optional: set[str]) -> dict[str, Json]:
    if not isinstance(given, dict) or not required <= set(given) <= required | optional:
        raise PolicyError(f"{path or 'policy'}: members")
    return given


def _list(given: Json, path: str) -> list[Json]:
    if not isinstance(given, list):
        raise PolicyError(f"{path}: not a list")
    return given


def _text(given: Json, path: str) -> str:
    if not isinstance(given, str) or given == "":
        raise PolicyError(f"{path}: no text")
    return given


def _texts(given: Json, path: str) -> list[str]:
    return [_text(each, path) for each in _list(given, path)]


def _number(given: Mapping[str, Json], name: str, least: int = 0) -> int | None:
    if name not in given:
        return None
    number = integer_of(given[name])
    if number is None or number < least:
        raise PolicyError(f"{name}: not a whole number from {least}")
    return number


def _span(given: Mapping[str, Json]) -> Span:
    return Span(_number(given, "not_before"), _number(given, "not_after"))


def _key(given: Json, path: str) -> PublicKey:
    try:
        return read_public_key(given)
    except KeyRefused as refused:
        raise PolicyError(f"{path}: key {refused.problem}") from refused


Made = TypeVar("Made")


def _each(members: Mapping[str, Json], name: str, make: Callable[[Json], Made]) -> list[Made]:
    return [make(each) for each in _list(members.get(name, []), name)]


def _anchor(given: Json) -> TrustedAnchor:
    each = _object(given, "anchors", {"issuer", "key"}, {"hybrid", "not_before", "not_after"})
    try:
        second = read_hybrid_key(each["hybrid"]) if "hybrid" in each else None
    except ValueError as refused:
        raise PolicyError("anchors: hybrid") from refused
    return TrustedAnchor(Anchor(_text(each["issuer"], "issuer"), _key(each["key"], "anchors"), second), _span(each))


def _emitter(given: Json) -> Emitter:
    each = _object(given, "emitters", {"name", "key", "log", "enforcement_points"}, {
        "proof_audience", "tenant", "not_before", "not_after", "last_sequence"
    })
    points = _texts(each["enforcement_points"], "enforcement_points")
    audience = each.get("proof_audience", "required")
    if not is_emitter(each["name"]) or not points or audience not in ("required", "optional"):
        raise PolicyError("emitters")
    tenant = None if "tenant" not in each else _text(each["tenant"], "tenant")
    return Emitter(
        str(each["name"]), _key(each["key"], "emitters"), _text(each["log"], "log"), points, audience == "required",
        tenant, _span(each), _number(each, "last_sequence", 1),
    )


def _log(given: Json) -> LogTrust:
    each = _object(given, "logs", {"origin", "keys"}, {"witnesses", "quorum"})
    keys, witnesses = _note_keys(each["keys"]), _note_keys(each.get("witnesses", []))
    different = len({witness.key for witness in witnesses})
    quorum = _number(each, "quorum")
    if quorum is None:
        quorum = different // 2 + 1 if different else 0
    if not keys or quorum > different:
        raise PolicyError("logs: no key, or a quorum that cannot be met")
    return LogTrust(_text(each["origin"], "origin"), keys, witnesses, quorum)


def _note_keys(given: Json) -> list[NoteKey]:
    keys = [parse_note_key(each) for each in _texts(given, "keys")]
    if None in keys:
        raise PolicyError("logs: a text that is no verifier key")
    return [each for each in keys if each is not None]


def _held_checkpoint(note: str, logs: Mapping[str, LogTrust]) -> Checkpoint:
    trust = logs.get(note.partition("\n")[0])
    if trust is None:
        raise PolicyError("held.checkpoints: of a log that is not among logs")
    try:
        return verify_checkpoint(note, trust)
    except LogProblem as problem:
        raise PolicyError(f"held.checkpoints: {problem.code}") from problem


def _held_head(given: Json, emitters: Mapping[str, Emitter]) -> Head:
    for emitter in emitters.values():
        if isinstance(given, dict) and given.get("emitter") == emitter.name and is_head(given, emitter.name, emitter.key):
            return Head(emitter.name, str(given["hash"]), integer_of(given["sequence"]) or 0)
    raise PolicyError("held.heads: of no emitter of the policy, or its signature does not verify")


def _required(given: Json) -> Required:
    each = _object(given, "required", set(), {"arguments", "proofs", "revocation", "logs", "sequences", "time"})
    demands = {}
    for name in ("arguments", "proofs", "revocation"):
        if each.get(name, "shown") not in ("shown", "optional"):
            raise PolicyError(f"required.{name}")
        demands[name] = each.get(name, "shown") == "shown"
    if "sequences" in each and "time" in each:
        raise PolicyError("required: sequences or time")
    return Required(
        **demands, logs=_texts(each.get("logs", []), "required.logs"), sequences=_sequences(each), time=_times(each)
    )


def _sequences(given: Mapping[str, Json]) -> tuple[int, int | None] | None:
    if "sequences" not in given:
        return None
    each = _object(given["sequences"], "required.sequences", {"first"}, {"last"})
    first, last = _number(each, "first", 1), _number(each, "last", 1)
    if first is None or (last is not None and last < first):
        raise PolicyError("required.sequences")
    return first, last


def _times(given: Mapping[str, Json]) -> tuple[int, int] | None:
    if "time" not in given:
        return None
    each = _object(given["time"], "required.time", {"from", "until"}, set())
    first, until = _number(each, "from"), _number(each, "until")
    if first is None or until is None or until <= first:
        raise PolicyError("required.time")
    return first, until
