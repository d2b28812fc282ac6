"""Signatures in their one form (spec/stricter-choices.md), checked before any library sees them."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from .key import PublicKey, is_weak_point

ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

_ECDSA = ec.ECDSA(hashes.SHA256())


def is_well_formed(algorithm: str, signature: bytes) -> bool:
    """Whether the bytes are the one form that a signature of the algorithm can have."""
    if len(signature) != 64:
        return False
    first, second = signature[:32], signature[32:]
    if algorithm == "Ed25519":
        return int.from_bytes(second, "little") < ED25519_ORDER and not is_weak_point(first)
    r, s = int.from_bytes(first, "big"), int.from_bytes(second, "big")
    return 0 < r < P256_ORDER and 0 < s <= P256_ORDER // 2


def verifies(key: PublicKey, message: bytes, signature: bytes) -> bool:
    """Whether a well-formed signature over the message is that of the key."""
    if not is_well_formed(key.algorithm, signature):
        return False
    try:
        if key.kty == "OKP":
            key.handle.verify(signature, message)
        else:
            r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
            key.handle.verify(encode_dss_signature(r, s), message, _ECDSA)
    except InvalidSignature:
        return False
    return True
