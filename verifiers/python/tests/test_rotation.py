"""spec/rotation.md, where no vector reaches."""

import json
import unittest

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from taper_verify import base64url
from taper_verify.denial import Denied
from taper_verify.key import PublicKey, read_public_key
from taper_verify.rotation import IssuerKey, follow
from taper_verify.strict_json import parse

AT = 1_795_176_000
SUBJECT = "spiffe://example.com/acme/agent/alice"


def _jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": base64url.encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))}


def _read(key: Ed25519PrivateKey) -> PublicKey:
    return read_public_key(parse(json.dumps(_jwk(key))))


def _sign(typ: str, key: Ed25519PrivateKey, claims: dict[str, object]) -> str:
    header = {"alg": "Ed25519", "kid": _read(key).thumbprint, "typ": typ}
    parts = [base64url.encode(json.dumps(each, separators=(",", ":")).encode()) for each in (header, claims)]
    text = ".".join(parts)
    return f"{text}.{base64url.encode(key.sign(text.encode()))}"


class Statements(unittest.TestCase):
    def _is_followed(self, issuer: str) -> bool:
        root, old, new = (Ed25519PrivateKey.generate() for _ in range(3))
        agreed = {"iat": AT, "iss": issuer, "new": _read(new).thumbprint, "old": _read(old).thumbprint, "sub": SUBJECT}
        acceptance = _sign("taper-rotation-consent+jwt", new, agreed)
        more = {"acceptance": acceptance, "by": "operator", "jti": "1", "new": _jwk(new), "old_until": AT}
        statement = _sign("taper-rotation+jwt", root, {**agreed, **more})
        try:
            follow([statement], _read(old), issuer, None, [IssuerKey(issuer, _read(root))])
        except Denied as denied:
            self.assertEqual(denied.denial.code, "rotation_invalid")
            return False
        return True

    def test_an_issuer_has_at_most_2048_code_units(self) -> None:
        self.assertTrue(self._is_followed("https://" + "x" * 2040))
        self.assertFalse(self._is_followed("https://" + "x" * 2041))


if __name__ == "__main__":
    unittest.main()
