"""Rotation statements: spec/rotation.md. Who acts in the stead of a holder whose key was replaced."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from . import base64url
from .denial import Denied
from .jcs import all_numbers_plain
from .jws import ALGORITHMS, Compact, take_apart
from .key import KeyRefused, PublicKey, read_public_key
from .signature import is_well_formed, verifies
from .strict_json import Json, MalformedJson, integer_of, parse, utf16_length

PARAMETER = "taper_rotation"
STATEMENT_TYPE = "taper-rotation+jwt"
CONSENT_TYPE = "taper-rotation-consent+jwt"
MAX_STATEMENTS = 8
MAX_STATEMENT = 8192
CONSENT_AGE = 300
MAX_ISSUER = 2048

_SPIFFE_ID = re.compile(r"spiffe://[a-z0-9._-]{1,255}((?:/[A-Za-z0-9._-]+)+)\Z")


@dataclass(frozen=True)
class IssuerKey:
    """A key of a root issuer that is trusted."""

    issuer: str
    key: PublicKey


@dataclass(frozen=True)
class Rotation:
    """A statement, every signature of which verifies."""

    subject: str
    new: PublicKey
    issued_at: int
    #: Thumbprint of the root key that signed it.
    signer: str


def refused() -> Denied:
    return Denied("rotation_invalid")


def follow(carried: Json, holder: PublicKey, issuer: str, tenant: Json, roots: Sequence[IssuerKey]) -> list[Rotation]:
    """Section 4: from the key that a token is bound to, to the one that acts in its stead. Raises Denied."""
    if not isinstance(carried, list) or not 1 <= len(carried) <= MAX_STATEMENTS:
        raise refused()
    found: list[Rotation] = []
    seen, old = {holder.thumbprint}, holder
    for text in carried:
        if not isinstance(text, str):
            raise refused()
        rotation = _read(text, old, issuer, tenant, roots)
        if rotation.new.thumbprint in seen:
            raise refused()
        if found and (rotation.subject != found[-1].subject or rotation.issued_at < found[-1].issued_at):
            raise refused()
        found.append(rotation)
        seen.add(rotation.new.thumbprint)
        old = rotation.new
    return found


def check_time(rotations: Sequence[Rotation], issued_at: int) -> None:
    """Nothing that is older than a statement counts by it. Raises Denied."""
    if any(issued_at < each.issued_at for each in rotations):
        raise refused()


def _read(text: str, old: PublicKey, issuer: str, tenant: Json, roots: Sequence[IssuerKey]) -> Rotation:
    """Sections 2 and 3."""
    signed, claims = _signed(text, STATEMENT_TYPE)
    if "consent" in claims:
        members = {"acceptance", "consent", "iat", "iss", "jti", "new", "old", "old_until", "sub"}
    else:
        members = {"acceptance", "by", "iat", "iss", "jti", "new", "old", "old_until", "sub"}
        if claims.get("by") != "operator":
            raise refused()
    if set(claims) != members:
        raise refused()
    issued_at, old_until = integer_of(claims["iat"]), integer_of(claims["old_until"])
    if issued_at is None or old_until is None or issued_at < 0 or old_until < issued_at:
        raise refused()
    subject = claims["sub"]
    if not _is_text(claims["jti"], 128) or not isinstance(subject, str):
        raise refused()
    if not _is_text(claims["iss"], MAX_ISSUER) or claims["iss"] != issuer:
        raise refused()
    of_tenant = tenant_of(subject)
    if of_tenant is None or (tenant is not None and of_tenant != tenant):
        raise refused()
    if claims["old"] != old.thumbprint:
        raise refused()
    new = _key(claims["new"])
    if any(each.key == new for each in roots):
        raise refused()
    kid = _kid(signed)
    signers = [each.key for each in roots if each.issuer == issuer and each.key.thumbprint == kid]
    if not signers:
        raise refused()
    _verify(signed, signers[0])
    agreed = {"iss": issuer, "new": new.thumbprint, "old": old.thumbprint, "sub": subject}
    if "consent" in claims:
        _consent(claims["consent"], old, agreed, issued_at)
    _consent(claims["acceptance"], new, agreed, issued_at)
    return Rotation(subject, new, issued_at, str(kid))


def _consent(text: Json, key: PublicKey, agreed: dict[str, str], stated_at: int) -> None:
    """Section 3."""
    if not isinstance(text, str):
        raise refused()
    signed, claims = _signed(text, CONSENT_TYPE)
    issued_at = integer_of(claims.get("iat"))
    if set(claims) != {"iat", *agreed} or any(claims[name] != value for name, value in agreed.items()):
        raise refused()
    if issued_at is None or issued_at < 0 or abs(stated_at - issued_at) > CONSENT_AGE:
        raise refused()
    if _kid(signed) != key.thumbprint:
        raise refused()
    _verify(signed, key)


def _signed(text: str, typ: str) -> tuple[Compact, dict[str, Json]]:
    """A JWS whose header has three members and no other, and its claims; nothing is verified."""
    compact = take_apart(text) if utf16_length(text) <= MAX_STATEMENT else None
    if compact is None or compact.header is None or compact.payload is None:
        raise refused()
    try:
        claims = parse(compact.payload)
    except MalformedJson as error:
        raise refused() from error
    header = compact.header
    if set(header) != {"alg", "kid", "typ"} or header["typ"] != typ or header["alg"] not in ALGORITHMS:
        raise refused()
    if not isinstance(claims, dict) or not all_numbers_plain(claims) or not _is_hash(header["kid"]):
        raise refused()
    return compact, claims


def _kid(compact: Compact) -> Json:
    return (compact.header or {})["kid"]


def _verify(compact: Compact, key: PublicKey) -> None:
    signature = compact.signature
    if (compact.header or {})["alg"] != key.algorithm or signature is None:
        raise refused()
    if not is_well_formed(key.algorithm, signature) or not verifies(key, compact.signing_input, signature):
        raise refused()


def tenant_of(subject: str) -> str | None:
    """The first path segment of a SPIFFE ID."""
    found = _SPIFFE_ID.match(subject) if utf16_length(subject) <= 2048 else None
    segments = found[1].split("/")[1:] if found else []
    return segments[0] if segments and not {".", ".."} & set(segments) else None


def _key(jwk: Json) -> PublicKey:
    try:
        return read_public_key(jwk)
    except KeyRefused as error:
        raise refused() from error


def _is_text(value: Json, most: int) -> bool:
    return isinstance(value, str) and 1 <= utf16_length(value) <= most


def _is_hash(value: Json) -> bool:
    data = base64url.decode(value) if isinstance(value, str) else None
    return data is not None and len(data) == 32
