"""The second signature of a root: spec/hybrid-roots.md."""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from . import base64url
from .denial import Denied
from .jcs import all_numbers_plain, canonical
from .jws import Compact
from .strict_json import Json

try:
    from cryptography.hazmat.primitives.asymmetric import mldsa
except ImportError:  # older than version 47: what cannot be checked is refused
    mldsa: Any = None  # type: ignore[no-redef]

PARAMETER = "taper_hybrid"
ALGORITHM = "ML-DSA-65"
KEY_BYTES = 1952
SIGNATURE_BYTES = 3309
_DOMAIN = b"taper-hybrid-root-v1:"


def read_hybrid_key(given: Json) -> bytes:
    """The second key of an anchor: {"alg", "key"}. Raises ValueError."""
    if not isinstance(given, dict) or set(given) != {"alg", "key"} or given["alg"] != ALGORITHM:
        raise ValueError("a second key has the members alg and key")
    key = base64url.decode(given["key"]) if isinstance(given["key"], str) else None
    if key is None or len(key) != KEY_BYTES:
        raise ValueError("a second key has 1952 bytes")
    return key


def check_hybrid(root: Compact, key: bytes) -> None:
    """Section 3, for a root whose first signature verifies. Raises Denied."""
    header = dict(root.header or {})
    if PARAMETER not in header:
        raise Denied("hybrid_signature_missing")
    said = header.pop(PARAMETER)
    signature = base64url.decode(said) if isinstance(said, str) else None
    if signature is None or len(signature) != SIGNATURE_BYTES or not all_numbers_plain(header):
        raise Denied("hybrid_signature_invalid")
    text = base64url.encode(canonical(header).encode("utf-8"))
    message = _DOMAIN + f"{text}.{root.payload_text}".encode("ascii")
    if mldsa is None:
        raise Denied("hybrid_signature_invalid")
    try:
        mldsa.MLDSA65PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError) as error:
        raise Denied("hybrid_signature_invalid") from error
