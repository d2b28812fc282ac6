"""Compact JWS (RFC 7515) and its protected header, with strict base64url and strict JSON."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property

from . import base64url
from .denial import Denied
from .key import PublicKey
from .signature import is_well_formed, verifies
from .strict_json import DuplicateMember, Json, MalformedJson, parse

_STRUCTURE = re.compile(r'["\[\]{},]')

ALGORITHMS = ("Ed25519", "ES256")


@dataclass(frozen=True)
class Compact:
    """A JWS taken apart; nothing in it is verified."""

    text: str
    header_text: str
    payload_text: str
    signature_text: str

    @cached_property
    def signing_input(self) -> bytes:
        return f"{self.header_text}.{self.payload_text}".encode("ascii")

    @cached_property
    def hash(self) -> str:
        """base64url SHA-256 of the signing input."""
        return base64url.encode(hashlib.sha256(self.signing_input).digest())

    @cached_property
    def payload(self) -> bytes | None:
        return base64url.decode(self.payload_text)

    @cached_property
    def header(self) -> dict[str, Json] | None:
        """The protected header; None when it is no strict JSON object."""
        data = base64url.decode(self.header_text)
        if data is None:
            return None
        try:
            header = parse(data)
        except MalformedJson:
            return None
        return header if isinstance(header, dict) else None

    @cached_property
    def signature(self) -> bytes | None:
        return base64url.decode(self.signature_text)


def take_apart(text: str) -> Compact | None:
    """None when the text has not three segments, the first two of them with something in them."""
    segments = text.split(".")
    if len(segments) != 3 or "" in segments[:2]:
        return None
    return Compact(text, *segments)


def check_kind(header: dict[str, Json], typ: str, step: str) -> None:
    """`alg` and `typ` of steps 3a, 4a and 7a. Raises Denied."""
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise Denied("algorithm_not_allowed", step)
    if header.get("typ") != typ:
        raise Denied("type_mismatch", step)


def fitting_keys(header: dict[str, Json], keys: list[PublicKey], step: str) -> list[PublicKey]:
    """The keys that `alg` is consistent with. Raises Denied."""
    fitting = [key for key in keys if key.algorithm == header["alg"]]
    if not fitting:
        raise Denied("algorithm_key_mismatch", step)
    return fitting


def check_signature(token: Compact, keys: list[PublicKey], step: str) -> list[PublicKey]:
    """Steps 3b, 4b and 7b: the keys under which the signature verifies. Raises Denied."""
    signature = token.signature
    if signature is None or not is_well_formed(keys[0].algorithm, signature):
        raise Denied("signature_malformed", step)
    good = [key for key in keys if verifies(key, token.signing_input, signature)]
    if not good:
        raise Denied("signature_invalid", step)
    return good


def read_claims(token: Compact, step: str) -> dict[str, Json]:
    """The payload, read only behind its signature. Raises Denied."""
    if token.payload is None:
        raise Denied("claims_malformed", step)
    try:
        claims = parse(token.payload)
    except DuplicateMember as error:
        raise Denied("claims_duplicate_member", step) from error
    except MalformedJson as error:
        raise Denied("claims_malformed", step) from error
    if not isinstance(claims, dict):
        raise Denied("claims_malformed", step)
    return claims


def extract_token_id(payload: bytes | None) -> str | None:
    """The string `jti` of step 2c by a scan that reads no further than it, and judges nothing else."""
    if payload is None:
        return None
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return _Scan(text).token_id()


class _Scan:
    """Walks the members of a JSON object without building values."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def token_id(self) -> str | None:
        if not self._take("{"):
            return None
        while True:
            name = self._string()
            if name is None or not self._take(":"):
                return None
            if name == "jti":
                return self._string()
            if not self._skip_value() or not self._take(","):
                return None

    def _space(self) -> None:
        text, at = self.text, self.at
        while at < len(text) and text[at] in " \t\n\r":
            at += 1
        self.at = at

    def _take(self, char: str) -> bool:
        self._space()
        if not self.text.startswith(char, self.at):
            return False
        self.at += 1
        return True

    def _string_end(self) -> int:
        """Behind the string that begins here; -1 when it does not end."""
        at = self.at + 1
        while True:
            quote = self.text.find('"', at)
            if quote == -1:
                return -1
            backslashes = 0
            while self.text[quote - 1 - backslashes] == "\\":
                backslashes += 1
            if backslashes % 2 == 0:
                return quote + 1
            at = quote + 1

    def _string(self) -> str | None:
        self._space()
        if not self.text.startswith('"', self.at):
            return None
        end = self._string_end()
        if end == -1:
            return None
        try:
            value = json.loads(self.text[self.at : end])
        except ValueError:
            return None
        self.at = end
        return value

    def _skip_value(self) -> bool:
        """Skips to the comma or brace behind the value."""
        depth = 0
        self._space()
        start = self.at
        text = self.text
        while (found := _STRUCTURE.search(text, self.at)) is not None:
            self.at = found.start()
            char = text[self.at]
            if char == '"':
                end = self._string_end()
                if end == -1:
                    return False
                self.at = end
                continue
            if char in "[{":
                depth += 1
            elif char in "]}":
                if depth == 0:
                    return self.at > start
                depth -= 1
            elif char == "," and depth == 0:
                return self.at > start
            self.at += 1
        return False
