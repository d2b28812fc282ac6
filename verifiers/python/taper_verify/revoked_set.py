"""Proofs of the revoked set (spec/revocation.md section 6): what of a chain is in it, and the root that proves it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from . import base64url

EMPTY = bytes(32)
_LABEL = b"taper-revoked-set-v1"
_MAX_TIME = 2**53 - 1
_MAX_DEPTH = 256
MAX_SOUGHT = 256


class ProofMalformed(Exception):
    """Not the form of a proof for this query."""


class SubjectMalformed(Exception):
    """The query is none."""


@dataclass(frozen=True)
class SubjectChain:
    """Token hashes, root first; key thumbprints, the anchor's first, one for each token, then those that rotation statements name."""

    tokens: Sequence[str]
    keys: Sequence[str]


@dataclass(frozen=True)
class Query:
    chains: Sequence[SubjectChain]
    tenant: str | None = None


@dataclass
class Found:
    """What a proof shows as revoked, and the root of the set that it comes to."""

    tokens: set[tuple[str, str]] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    #: Of the tenant: what was issued before is revoked.
    issued_before: int | None = None
    root: bytes = EMPTY


def check_query(query: Query) -> None:
    count = 0
    for chain in query.chains:
        if not chain.tokens or len(chain.keys) < len(chain.tokens) + 1:
            raise SubjectMalformed
        count += len(chain.tokens) + len(chain.keys)
    if not query.chains or count > MAX_SOUGHT:
        raise SubjectMalformed


def _id(text: str) -> bytes:
    data = base64url.decode(text)
    if data is None or len(data) != 32:
        raise SubjectMalformed
    return data


def _hash(prefix: bytes, *parts: bytes) -> bytes:
    return hashlib.sha256(prefix + b"".join(parts)).digest()


class _Reader:
    """Bits and data of a proof, each read once from the start."""

    def __init__(self, proof: bytes) -> None:
        if len(proof) < 2:
            raise ProofMalformed
        length = int.from_bytes(proof[:2], "big")
        if len(proof) < 2 + length:
            raise ProofMalformed
        self.bits, self.data = proof[2 : 2 + length], proof[2 + length :]
        self.bit_at = self.data_at = 0

    def bit(self) -> int:
        byte, offset = divmod(self.bit_at, 8)
        if byte >= len(self.bits):
            raise ProofMalformed
        self.bit_at += 1
        return self.bits[byte] >> (7 - offset) & 1

    def take(self, count: int) -> bytes:
        taken = self.data[self.data_at : self.data_at + count]
        if len(taken) != count:
            raise ProofMalformed
        self.data_at += count
        return taken

    def hash(self) -> bytes:
        taken = self.take(32)
        if taken == EMPTY:
            raise ProofMalformed
        return taken

    def time(self) -> bytes:
        taken = self.take(8)
        if int.from_bytes(taken, "big") > _MAX_TIME:
            raise ProofMalformed
        return taken

    def finish(self) -> None:
        rest = len(self.bits) * 8 - self.bit_at
        if self.data_at != len(self.data) or rest > 7 or any(self.bit() for _ in range(rest)):
            raise ProofMalformed


#: Reads the value of a leaf whose id is given, and takes note of it when it is sought.
_ReadValue = Callable[[bytes, bool], bytes]

_NONE, _LEAF, _NODE = "none", "leaf", "node"


def _visit(reader: _Reader, ids: Sequence[bytes], depth: int, value: _ReadValue) -> tuple[str, bytes]:
    """What the subtree is, and its hash. `other` subtrees, of which only a hash is given, count as nodes."""
    if not ids:
        return (_NODE, reader.hash()) if reader.bit() else (_NONE, EMPTY)
    if reader.bit():
        if depth == _MAX_DEPTH:
            raise ProofMalformed
        halves: tuple[list[bytes], list[bytes]] = ([], [])
        for each in ids:
            halves[each[depth // 8] >> (7 - depth % 8) & 1].append(each)
        left, left_hash = _visit(reader, halves[0], depth + 1, value)
        right, right_hash = _visit(reader, halves[1], depth + 1, value)
        if {left, right} in ({_NONE}, {_NONE, _LEAF}):
            raise ProofMalformed
        return _NODE, _hash(b"\x01", left_hash, right_hash)
    if not reader.bit():
        return _NONE, EMPTY
    identifier = reader.take(32)
    if not _shares_bits(identifier, ids[0], depth):
        raise ProofMalformed
    return _LEAF, _hash(b"\x00", identifier, value(identifier, identifier in ids))


def _shares_bits(one: bytes, other: bytes, depth: int) -> bool:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")) >> (256 - depth) == 0


def read_proof(proof: bytes, query: Query) -> Found:
    """Raises ProofMalformed or SubjectMalformed. The answer counts when the root is that of an epoch record."""
    check_query(query)
    reader, found = _Reader(proof), Found()
    families: dict[bytes, set[bytes]] = {}
    for chain in query.chains:
        families.setdefault(_id(chain.tokens[0]), set()).update(map(_id, chain.tokens))

    def family(identifier: bytes, sought: bool) -> bytes:
        if not sought:
            return reader.hash()

        def token(inner: bytes, is_sought: bool) -> bytes:
            if is_sought:
                found.tokens.add((base64url.encode(identifier), base64url.encode(inner)))
            return bytes(24) + reader.time()

        root = _visit(reader, sorted(families[identifier]), 0, token)[1]
        if root == EMPTY:
            raise ProofMalformed
        return root

    def key(identifier: bytes, sought: bool) -> bytes:
        if sought:
            found.keys.add(base64url.encode(identifier))
        return EMPTY

    def tenant(_: bytes, sought: bool) -> bytes:
        time = reader.time()
        if sought:
            found.issued_before = int.from_bytes(time, "big")
        return bytes(24) + time

    keys = sorted({_id(each) for chain in query.chains for each in chain.keys})
    tenants = [] if query.tenant is None else [hashlib.sha256(query.tenant.encode("utf-8")).digest()]
    tokens_root = _visit(reader, sorted(families), 0, family)[1]
    keys_root = _visit(reader, keys, 0, key)[1]
    tenants_root = _visit(reader, tenants, 0, tenant)[1]
    reader.finish()
    found.root = _hash(_LABEL, tokens_root, keys_root, tenants_root)
    return found
