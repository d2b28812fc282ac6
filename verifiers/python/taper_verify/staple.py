"""Staples (spec/revocation.md section 10): what of a chain was revoked, as of an epoch."""

from __future__ import annotations

from dataclasses import dataclass

from . import base64url
from .checkpoint import Checkpoint, LogProblem, LogTrust, parse_checkpoint, parse_note, verify_checkpoint
from .jcs import canonical
from .merkle import leaf_hash, verify_inclusion
from .revoked_set import Found, ProofMalformed, Query, SubjectMalformed, check_query, read_proof

MAX_BYTES = 65_536
_MAX_NUMBER = 2**53 - 1
_MAX_HASHES = 53


@dataclass(frozen=True)
class Staple:
    """Taken apart; nothing in it is verified."""

    note: str
    index: int
    epoch: int
    time: int
    next_update: int
    revoked: int
    inclusion: list[bytes]
    proof: bytes


@dataclass(frozen=True)
class Revoked:
    """What was revoked: `token` (by hash), `key` (by thumbprint) or `tenant` (by name)."""

    kind: str
    what: str


@dataclass(frozen=True)
class StapleVerdict:
    epoch: int
    as_of: int
    checkpoint: Checkpoint
    revoked: Revoked | None


def parse_staple(data: bytes) -> Staple | None:
    if len(data) > MAX_BYTES:
        return None
    try:
        return _parse(_Bytes(data))
    except (ValueError, UnicodeDecodeError):
        return None


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        taken = self.data[self.at : self.at + count]
        if len(taken) != count:
            raise ValueError("too short")
        self.at += count
        return taken

    def number(self, count: int) -> int:
        number = int.from_bytes(self.take(count), "big")
        if number > _MAX_NUMBER:
            raise ValueError("too large")
        return number


def _parse(data: _Bytes) -> Staple:
    if data.number(1) != 1:
        raise ValueError("version")
    note = data.take(data.number(2)).decode("utf-8")
    index, epoch, time, next_update, revoked = (data.number(8) for _ in range(5))
    count = data.number(1)
    if epoch == 0 or next_update <= time or count > _MAX_HASHES:
        raise ValueError("numbers")
    inclusion = [data.take(32) for _ in range(count)]
    return Staple(note, index, epoch, time, next_update, revoked, inclusion, data.take(len(data.data) - data.at))


def origin_of(data: bytes) -> str | None:
    """The origin that the staple's checkpoint claims; it says under which log to verify it."""
    staple = parse_staple(data)
    note = None if staple is None else parse_note(staple.note)
    checkpoint = None if note is None else parse_checkpoint(note.text)
    return None if checkpoint is None else checkpoint.origin


def verify_staple(data: bytes, query: Query, oldest_issued_at: int, trust: LogTrust, now: int | None = None
                  ) -> StapleVerdict:
    """`oldest_issued_at`: the least `iat` of the chains. Raises LogProblem with a code of section 10."""
    try:
        check_query(query)
    except SubjectMalformed as error:
        raise LogProblem("subject_malformed") from error
    staple = parse_staple(data)
    if staple is None:
        raise LogProblem("staple_malformed")
    checkpoint = verify_checkpoint(staple.note, trust, now)
    try:
        found = read_proof(staple.proof, query)
    except SubjectMalformed as error:
        raise LogProblem("subject_malformed") from error
    except ProofMalformed as error:
        raise LogProblem("proof_malformed") from error
    leaf = leaf_hash(_epoch_record(staple, found.root).encode("utf-8"))
    if not verify_inclusion(leaf, staple.index, checkpoint.size, staple.inclusion, checkpoint.root):
        raise LogProblem("inclusion_invalid")
    return StapleVerdict(staple.epoch, staple.time, checkpoint, _first_revoked(query, found, oldest_issued_at))


def _epoch_record(staple: Staple, root: bytes) -> str:
    """Section 5."""
    return canonical({
        "type": "epoch",
        "version": 1,  # type: ignore[dict-item]
        "epoch": staple.epoch,  # type: ignore[dict-item]
        "time": staple.time,  # type: ignore[dict-item]
        "next_update": staple.next_update,  # type: ignore[dict-item]
        "size": staple.index,  # type: ignore[dict-item]
        "revoked": staple.revoked,  # type: ignore[dict-item]
        "revoked_root": base64url.encode(root),
    })


def _first_revoked(query: Query, found: Found, oldest_issued_at: int) -> Revoked | None:
    for chain in query.chains:
        for token in chain.tokens:
            if (chain.tokens[0], token) in found.tokens:
                return Revoked("token", token)
    for chain in query.chains:
        for key in chain.keys:
            if key in found.keys:
                return Revoked("key", key)
    if query.tenant is not None and found.issued_before is not None and oldest_issued_at < found.issued_before:
        return Revoked("tenant", query.tenant)
    return None
