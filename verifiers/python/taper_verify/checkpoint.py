"""Signed checkpoints of logs: C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from .key import KeyRefused, PublicKey, read_public_key
from .base64url import encode
from .merkle import EMPTY_ROOT, MAX_SIZE, leaf_hash, verify_inclusion
from .signature import verifies

MAX_SIGNATURES = 100
MAX_BYTES = 1_000_000
MAX_TEXT_BYTES = 65_536
#: Seconds that a cosignature may be ahead of the clock.
SKEW = 60

LOG_TYPE, WITNESS_TYPE = 1, 4

_SIGNATURE_LINE = re.compile("— ([^ ]+) ([A-Za-z0-9+/]+={0,2})\\Z")
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,15})\Z")
_KEY_ID = re.compile(r"[0-9a-f]{8}\Z")


class LogProblem(Exception):
    """Why a note, a checkpoint or a proof is not believed; `code` is from a closed list."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def decode_base64(text: str) -> bytes | None:
    """Standard base64 in its one form."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return data if base64.b64encode(data).decode("ascii") == text else None


def is_key_name(name: str) -> bool:
    return name != "" and "+" not in name and not any(map(str.isspace, name)) and not _CONTROL.search(name)


@dataclass(frozen=True)
class NoteKey:
    """A key under which notes are signed; type 1 of a log, 4 of a witness."""

    name: str
    id: bytes
    type: int
    key: PublicKey


def parse_note_key(text: str) -> NoteKey | None:
    """Of a C2SP verifier key; None unless its key ID is its own and the key is no weak one."""
    parts = text.split("+", 2)
    if len(parts) != 3 or not is_key_name(parts[0]) or not _KEY_ID.match(parts[1]):
        return None
    data = decode_base64(parts[2])
    if data is None or len(data) != 33 or data[0] not in (LOG_TYPE, WITNESS_TYPE):
        return None
    identifier = hashlib.sha256(parts[0].encode("utf-8", "surrogatepass") + b"\n" + data).digest()[:4]
    if identifier.hex() != parts[1]:
        return None
    try:
        key = read_public_key({"kty": "OKP", "crv": "Ed25519", "x": encode(data[1:])})
    except KeyRefused:
        return None
    return NoteKey(parts[0], identifier, data[0], key)


@dataclass(frozen=True)
class Note:
    text: str
    #: Key name, key ID, signature.
    signatures: Sequence[tuple[str, bytes, bytes]]


def parse_note(text: str) -> Note | None:
    if _SURROGATE.search(text) or len(text.encode("utf-8")) > MAX_BYTES or _CONTROL.search(text):
        return None
    body, found, rest = text.rpartition("\n\n")
    if not found or body == "" or not rest.endswith("\n"):
        return None
    lines = rest[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        return None
    signatures = []
    for line in lines:
        match = _SIGNATURE_LINE.match(line)
        data = decode_base64(match[2]) if match and is_key_name(match[1]) else None
        if match is None or data is None or len(data) <= 4:
            return None
        signatures.append((match[1], data[:4], data[4:]))
    return Note(body + "\n", signatures)


@dataclass(frozen=True)
class Checkpoint:
    origin: str
    size: int
    root: bytes
    #: (name, latest time) of the witnesses that count: of a key with several names the first that is trusted.
    cosigners: Sequence[tuple[str, int]] = ()


def parse_checkpoint(text: str) -> Checkpoint | None:
    """Of the text of a note."""
    lines = text[:-1].split("\n")
    if len(text.encode("utf-8", "surrogatepass")) > MAX_TEXT_BYTES:
        return None
    if len(lines) < 3 or "" in lines or not _NUMBER.match(lines[1]) or int(lines[1]) > MAX_SIZE:
        return None
    root = decode_base64(lines[2])
    if root is None or len(root) != 32 or (lines[1] == "0" and root != EMPTY_ROOT):
        return None
    return Checkpoint(lines[0], int(lines[1]), root)


@dataclass(frozen=True)
class LogTrust:
    origin: str
    keys: Sequence[NoteKey]
    witnesses: Sequence[NoteKey] = ()
    quorum: int = 0


def verify_checkpoint(text: str, trust: LogTrust, now: int | None = None) -> Checkpoint:
    """Raises LogProblem. `now` in seconds; without it cosignatures may be of any time."""
    note = parse_note(text)
    if note is None:
        raise LogProblem("note_malformed")
    checkpoint = parse_checkpoint(note.text)
    if checkpoint is None:
        raise LogProblem("checkpoint_malformed")
    if checkpoint.origin != trust.origin:
        raise LogProblem("origin_mismatch")
    signed = False
    latest: dict[str, int] = {}
    future: set[str] = set()
    for name, identifier, data in note.signatures:
        for key in [each for each in trust.keys if (each.name, each.id) == (name, identifier)]:
            _verify_line(key, note.text, data)
            signed = True
        for key in [each for each in trust.witnesses if (each.name, each.id) == (name, identifier)]:
            time = _verify_line(key, note.text, data)
            thumbprint = key.key.thumbprint
            if time == 0:
                continue
            if now is not None and time > now + SKEW:
                future.add(thumbprint)
            else:
                latest[thumbprint] = max(time, latest.get(thumbprint, 0))
    if not signed:
        raise LogProblem("signature_missing")
    if len(latest) < trust.quorum:
        enough = len(future | set(latest)) >= trust.quorum
        raise LogProblem("cosignature_future" if enough else "quorum_unmet")
    names: dict[str, str] = {}
    for key in trust.witnesses:
        names.setdefault(key.key.thumbprint, key.name)
    cosigners = tuple((names[thumbprint], time) for thumbprint, time in latest.items())
    return Checkpoint(checkpoint.origin, checkpoint.size, checkpoint.root, cosigners)


def _verify_line(key: NoteKey, text: str, data: bytes) -> int:
    """The time of a cosignature, 0 of a log's signature."""
    if key.type == LOG_TYPE:
        time, signature, message = 0, data, text
    else:
        time, signature = int.from_bytes(data[:8], "big"), data[8:]
        message = f"cosignature/v1\ntime {time}\n{text}"
    if time > MAX_SIZE or not verifies(key.key, message.encode("utf-8"), signature):
        raise LogProblem("signature_invalid")
    return time


@dataclass(frozen=True)
class LogProof:
    index: int
    hashes: Sequence[bytes]
    checkpoint: str


def parse_log_proof(text: str) -> LogProof | None:
    head, found, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if not found or not checkpoint or lines.pop(0) != "c2sp.org/tlog-proof@v1":
        return None
    if lines and lines[0].startswith("extra "):
        if decode_base64(lines.pop(0)[6:]) is None:
            return None
    if not lines or not lines[0].startswith("index "):
        return None
    index = lines.pop(0)[6:]
    hashes = [decode_base64(line) for line in lines]
    if not _NUMBER.match(index) or int(index) > MAX_SIZE or len(hashes) > 53:
        return None
    if not all(each is not None and len(each) == 32 for each in hashes):
        return None
    return LogProof(int(index), [each for each in hashes if each is not None], checkpoint)


def verify_log_proof(text: str, entry: bytes, trust: LogTrust, now: int | None = None) -> tuple[int, Checkpoint]:
    """The entry's index, and the checkpoint that it is in. Raises LogProblem."""
    proof = parse_log_proof(text)
    if proof is None:
        raise LogProblem("proof_malformed")
    checkpoint = verify_checkpoint(proof.checkpoint, trust, now)
    if not verify_inclusion(leaf_hash(entry), proof.index, checkpoint.size, proof.hashes, checkpoint.root):
        raise LogProblem("inclusion_invalid")
    return proof.index, checkpoint
