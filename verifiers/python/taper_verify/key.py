"""Public keys as JWK: Ed25519 and P-256, with the one check of spec/stricter-choices.md, and RFC 7638 thumbprints."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from . import base64url
from .strict_json import Json

ED25519_P = 2**255 - 19
P256_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B

_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv")
_ALGORITHMS = {"OKP": "Ed25519", "EC": "ES256"}
_CURVES = {"OKP": "Ed25519", "EC": "P-256"}

Problem = Literal["unsupported", "private", "malformed", "weak"]


def _small_order_ys() -> frozenset[int]:
    """The y of the eight points of small order: 0, 1, -1 and the two of order 8."""
    p = ED25519_P
    d = -121665 * pow(121666, -1, p) % p
    # Doubling a point of order 8 gives y = 0, so y² = -x² there; with the curve's -x² + y² = 1 + d·x²·y² this is
    # d·y⁴ + 2·y² - 1 = 0, so y² = (-1 ± √(1 + d)) / d.
    ys = {0, 1, p - 1}
    root = _square_root(1 + d)
    if root is None:
        raise ArithmeticError("1 + d is a square modulo 2^255 - 19")
    for sign in (root, -root):
        y = _square_root((sign - 1) * pow(d, -1, p) % p)
        if y is not None:
            ys |= {y, p - y}
    if len(ys) != 5:
        raise ArithmeticError("the points of small order have five values of y")
    return frozenset(ys)


def _square_root(value: int) -> int | None:
    p = ED25519_P
    root = pow(value, (p + 3) // 8, p)
    if (root * root - value) % p:
        root = root * pow(2, (p - 1) // 4, p) % p
    return None if (root * root - value) % p else root


SMALL_ORDER_YS = _small_order_ys()


def is_weak_point(encoded: bytes) -> bool:
    """Whether 32 bytes encode an Ed25519 point of small order, or a y that is not reduced."""
    y = int.from_bytes(encoded, "little") & (2**255 - 1)
    return y >= ED25519_P or y in SMALL_ORDER_YS


@dataclass(frozen=True)
class PublicKey:
    """A key that passed the check."""

    kty: Literal["OKP", "EC"]
    x: str
    y: str | None

    @property
    def algorithm(self) -> str:
        return _ALGORITHMS[self.kty]

    @cached_property
    def thumbprint(self) -> str:
        """RFC 7638 with SHA-256, base64url."""
        end = "" if self.y is None else f',"y":"{self.y}"'
        text = f'{{"crv":"{_CURVES[self.kty]}","kty":"{self.kty}","x":"{self.x}"{end}}}'
        return base64url.encode(hashlib.sha256(text.encode()).digest())

    @cached_property
    def thumbprint_uri(self) -> str:
        return f"urn:ietf:params:oauth:jwk-thumbprint:sha-256:{self.thumbprint}"

    @cached_property
    def handle(self) -> Any:
        """The key as the cryptographic library holds it."""
        x = base64url.decode(self.x)
        if x is None:
            raise ValueError("unreachable: the key was checked")
        if self.y is None:
            return Ed25519PublicKey.from_public_bytes(x)
        y = base64url.decode(self.y)
        if y is None:
            raise ValueError("unreachable: the key was checked")
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + x + y)

    @property
    def jwk(self) -> dict[str, str]:
        members = {"kty": self.kty, "crv": _CURVES[self.kty], "x": self.x}
        return members if self.y is None else {**members, "y": self.y}


class KeyRefused(ValueError):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


_known: OrderedDict[tuple[str, str, str | None], PublicKey] = OrderedDict()


def read_public_key(jwk: Json) -> PublicKey:
    """The key of a JWK as strict JSON gave it. Raises KeyRefused."""
    if not isinstance(jwk, dict):
        raise KeyRefused("malformed")
    if any(name in jwk for name in _PRIVATE):
        raise KeyRefused("private")
    kty, crv = jwk.get("kty"), jwk.get("crv")
    if not isinstance(kty, str):
        raise KeyRefused("malformed")
    if kty in _CURVES and not isinstance(crv, str):
        raise KeyRefused("malformed")
    if kty not in _CURVES or crv != _CURVES[kty]:
        raise KeyRefused("unsupported")
    if "alg" in jwk and jwk["alg"] != _ALGORITHMS[kty]:
        raise KeyRefused("unsupported")
    if "use" in jwk and jwk["use"] != "sig":
        raise KeyRefused("unsupported")
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise KeyRefused("unsupported")
    x = _coordinate(jwk.get("x"))
    if kty == "OKP":
        if is_weak_point(x):
            raise KeyRefused("weak")
        return _remember(PublicKey("OKP", jwk["x"], None))
    y = _coordinate(jwk.get("y"))
    if not _is_on_p256(int.from_bytes(x, "big"), int.from_bytes(y, "big")):
        raise KeyRefused("malformed")
    return _remember(PublicKey("EC", jwk["x"], jwk["y"]))


def _coordinate(text: Json) -> bytes:
    data = base64url.decode(text) if isinstance(text, str) else None
    if data is None or len(data) != 32:
        raise KeyRefused("malformed")
    return data


def _is_on_p256(x: int, y: int) -> bool:
    p = P256_P
    return x < p and y < p and (y * y - (x * x * x - 3 * x + P256_B)) % p == 0


def _remember(key: PublicKey) -> PublicKey:
    """One object for each key, so that its handle and thumbprint are made once."""
    name = (key.kty, key.x, key.y)
    found = _known.setdefault(name, key)
    _known.move_to_end(name)
    if len(_known) > 4096:
        _known.popitem(last=False)
    return found
