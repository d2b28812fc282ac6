"""Sessions (spec/session.md): what is hashed, signed and derived, and the code of a request."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from . import base64url
from .key import PublicKey
from .signature import verifies
from .strict_json import Json, integer_of, utf16_length

VERSION = "taper-session-1"
MAX_NAME = 2048
MAX_CHAINS, MAX_TOKENS, MAX_CHARACTERS = 4, 64, 1_048_576
MAX_TOOLS = 256
#: Numbers behind the greatest that a responder still tells apart.
WINDOW = 1024


class SessionRefused(Exception):
    """`code` is a denial code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Hello:
    audience: str
    nonce: bytes
    share: bytes
    chains: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Welcome:
    session: bytes
    nonce: bytes
    share: bytes
    key: str
    expires: int
    tools: Sequence[str]
    signature: bytes
    mac: bytes


@dataclass(frozen=True)
class Finish:
    session: bytes
    signatures: Sequence[bytes]
    mac: bytes


@dataclass(frozen=True)
class Request:
    session: bytes
    sequence: int
    mac: bytes


def _members(given: Json, names: set[str]) -> Mapping[str, Json]:
    if not isinstance(given, dict) or set(given) != names:
        raise SessionRefused("session_malformed")
    return given


def _bytes(given: Json, length: int) -> bytes:
    data = base64url.decode(given) if isinstance(given, str) else None
    if data is None or len(data) != length:
        raise SessionRefused("session_malformed")
    return data


def _name(given: Json) -> str:
    if not isinstance(given, str) or not 1 <= utf16_length(given) <= MAX_NAME:
        raise SessionRefused("session_malformed")
    return given


def _list(given: Json, low: int, high: int) -> list[Json]:
    if not isinstance(given, list) or not low <= len(given) <= high:
        raise SessionRefused("session_malformed")
    return given


def _number(given: Json) -> int:
    number = integer_of(given)
    if number is None or number < 1:
        raise SessionRefused("session_malformed")
    return number


def read_hello(given: Json) -> Hello:
    """Section 3.1. Raises SessionRefused."""
    hello = _members(given, {"version", "audience", "nonce", "share", "chains"})
    chains = [_list(each, 1, MAX_TOKENS) for each in _list(hello["chains"], 1, MAX_CHAINS)]
    tokens = [token for chain in chains for token in chain]
    if hello["version"] != VERSION or not all(isinstance(token, str) for token in tokens):
        raise SessionRefused("session_malformed")
    if sum(utf16_length(str(token)) for token in tokens) > MAX_CHARACTERS:
        raise SessionRefused("session_malformed")
    share = _bytes(hello["share"], 32)
    return Hello(_name(hello["audience"]), _bytes(hello["nonce"], 32), share, chains)  # type: ignore[arg-type]


def read_welcome(given: Json) -> Welcome:
    """Section 3.2. Raises SessionRefused."""
    welcome = _members(given, {"session", "nonce", "share", "key", "expires", "tools", "signature", "mac"})
    tools = [_name(each) for each in _list(welcome["tools"], 0, MAX_TOOLS)]
    ordered = [tool.encode("utf-16-be", "surrogatepass") for tool in tools]
    if any(first >= second for first, second in zip(ordered, ordered[1:])):
        raise SessionRefused("session_malformed")
    _bytes(welcome["key"], 32)
    return Welcome(
        _bytes(welcome["session"], 16), _bytes(welcome["nonce"], 32), _bytes(welcome["share"], 32),
        str(welcome["key"]), _number(welcome["expires"]), tools, _bytes(welcome["signature"], 64),
        _bytes(welcome["mac"], 32),
    )


def read_finish(given: Json) -> Finish:
    """Section 3.3. Raises SessionRefused."""
    finish = _members(given, {"session", "signatures", "mac"})
    signatures = [_bytes(each, 64) for each in _list(finish["signatures"], 1, MAX_CHAINS)]
    return Finish(_bytes(finish["session"], 16), signatures, _bytes(finish["mac"], 32))


def read_request(given: Json) -> Request:
    """Section 5. Raises SessionRefused."""
    request = _members(given, {"taper_session", "taper_sequence", "taper_mac"})
    return Request(
        _bytes(request["taper_session"], 16), _number(request["taper_sequence"]), _bytes(request["taper_mac"], 32)
    )


def _field(data: bytes | str) -> bytes:
    encoded = data.encode("utf-8") if isinstance(data, str) else data
    return len(encoded).to_bytes(4, "big") + encoded


def _texts(texts: Sequence[str]) -> bytes:
    return len(texts).to_bytes(4, "big") + b"".join(map(_field, texts))


def welcome_hash(hello: Hello, welcome: Welcome) -> bytes:
    """Section 4.1."""
    chains = len(hello.chains).to_bytes(4, "big") + b"".join(map(_texts, hello.chains))
    fields = [f"{VERSION} welcome", hello.audience, hello.nonce, hello.share]
    more = [welcome.session, welcome.nonce, welcome.share, welcome.key, welcome.expires.to_bytes(8, "big")]
    transcript = b"".join(map(_field, fields)) + chains + b"".join(map(_field, more)) + _texts(welcome.tools)
    return hashlib.sha256(transcript).digest()


def finish_hash(welcomed: bytes, welcome: Welcome) -> bytes:
    fields = [f"{VERSION} finish", welcomed, welcome.signature, welcome.mac]
    return hashlib.sha256(b"".join(map(_field, fields))).digest()


@dataclass(frozen=True)
class Keys:
    """Section 4.3."""

    responder: bytes
    initiator: bytes
    request: bytes


def derive_keys(private: bytes, share: bytes, welcomed: bytes) -> Keys | None:
    """None when the secret is zero."""
    try:
        secret = X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(share))
    except ValueError:
        return None
    if secret == bytes(32):
        return None

    def derive(label: str) -> bytes:
        return HKDF(hashes.SHA256(), 32, welcomed, f"{VERSION} {label}".encode()).derive(secret)

    return Keys(derive("responder confirmation"), derive("initiator confirmation"), derive("request"))


def _is_mac(key: bytes, data: bytes, mac: bytes) -> bool:
    return hmac.compare_digest(hmac.new(key, data, hashlib.sha256).digest(), mac)


def check_welcome(hello: Hello, welcome: Welcome, responder: PublicKey, private: bytes, now: int, latest: int
                  ) -> Keys | None:
    """Section 4.6, as the initiator: the keys, or None. `latest` is the least `exp` of the tokens."""
    if welcome.key != responder.thumbprint or not now < welcome.expires <= latest:
        return None
    welcomed = welcome_hash(hello, welcome)
    if not verifies(responder, f"{VERSION} responder {base64url.encode(welcomed)}".encode(), welcome.signature):
        return None
    keys = derive_keys(private, welcome.share, welcomed)
    if keys is None or not _is_mac(keys.responder, welcomed + welcome.signature, welcome.mac):
        return None
    return keys


def check_finish(finish: Finish, welcome: Welcome, welcomed: bytes, keys: Keys, holders: Sequence[PublicKey]) -> None:
    """Section 4.7, as the responder. Raises SessionRefused."""
    finished = finish_hash(welcomed, welcome)
    good = finish.session == welcome.session
    good = good and _is_mac(keys.initiator, finished + b"".join(finish.signatures), finish.mac)
    good = good and len(finish.signatures) == len(holders) and all(
        verifies(holder, f"{VERSION} initiator {index} {base64url.encode(finished)}".encode(), signature)
        for index, (holder, signature) in enumerate(zip(holders, finish.signatures))
    )
    if not good:
        raise SessionRefused("session_handshake_refused")


def request_is_authentic(request: Request, keys: Keys, tool: str, args: str) -> bool:
    """Section 5.1. The arguments are the text that was received."""
    start = f"{VERSION} request".encode() + request.session + request.sequence.to_bytes(8, "big")
    try:
        return _is_mac(keys.request, start + _field(tool) + _field(args), request.mac)
    except UnicodeEncodeError:
        return False


class SequenceWindow:
    """Section 5.2: which numbers were used."""

    def __init__(self) -> None:
        self.greatest = 0
        self.used: set[int] = set()

    def check(self, sequence: int) -> None:
        """Raises SessionRefused unless the number is free."""
        if sequence <= self.greatest - WINDOW:
            raise SessionRefused("session_sequence_old")
        if sequence in self.used:
            raise SessionRefused("session_sequence_replayed")

    def use(self, sequence: int) -> None:
        self.greatest = max(self.greatest, sequence)
        self.used = {each for each in self.used | {sequence} if each > self.greatest - WINDOW}
