"""Keys and signatures have one form (spec/stricter-choices.md): the vectors of others, with what is refused beside them."""

import unittest
from collections import Counter

from taper_verify import base64url
from taper_verify.key import KeyRefused, PublicKey, read_public_key
from taper_verify.signature import P256_ORDER, is_well_formed, verifies

from .shared import read, third_party


def okp(encoded: bytes) -> dict:
    return {"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(encoded)}


def problem_of(jwk: object) -> str:
    try:
        return read_public_key(jwk).algorithm  # type: ignore[arg-type]
    except KeyRefused as refused:
        return refused.problem


def ed25519_verdict(key: bytes, message: bytes, signature: bytes) -> str:
    try:
        public = read_public_key(okp(key))
    except KeyRefused as refused:
        return refused.problem
    return verdict(public, message, signature)


def verdict(key: PublicKey, message: bytes, signature: bytes) -> str:
    if not is_well_formed(key.algorithm, signature):
        return "malformed"
    return "valid" if verifies(key, message, signature) else "invalid"


class Ed25519(unittest.TestCase):
    def test_cctv_526_keys_weak_282_signatures_malformed_63_invalid_43_valid(self) -> None:
        cases = read(third_party("cctv-ed25519/ed25519/ed25519vectors.json"))
        counts = Counter(
            ed25519_verdict(bytes.fromhex(each["key"]), each["msg"].encode(), bytes.fromhex(each["sig"]))
            for each in cases
        )
        self.assertEqual(counts, {"weak": 526, "malformed": 282, "invalid": 63, "valid": 43})

    def test_speccheck_4_keys_weak_5_signatures_malformed_2_invalid_1_valid(self) -> None:
        cases = read(third_party("ed25519-speccheck/cases.json"))
        counts = Counter(
            ed25519_verdict(*(bytes.fromhex(each[name]) for name in ("pub_key", "message", "signature")))
            for each in cases
        )
        self.assertEqual(counts, {"weak": 4, "malformed": 5, "invalid": 2, "valid": 1})

    def test_wycheproof_agrees_case_by_case(self) -> None:
        count = 0
        for group in read(third_party("wycheproof/testvectors_v1/ed25519_test.json"))["testGroups"]:
            key = bytes.fromhex(group["publicKey"]["pk"])
            for each in group["tests"]:
                count += 1
                got = ed25519_verdict(key, bytes.fromhex(each["msg"]), bytes.fromhex(each["sig"]))
                with self.subTest(each["tcId"], comment=each["comment"]):
                    self.assertEqual(got == "valid", each["result"] == "valid")
        self.assertEqual(count, 151)


class P256(unittest.TestCase):
    def test_wycheproof_agrees_but_for_70_signatures_with_a_high_s_which_verify_once_normalized(self) -> None:
        high = 0
        for group in read(third_party("wycheproof/testvectors_v1/ecdsa_secp256r1_sha256_p1363_test.json"))["testGroups"]:
            point = bytes.fromhex(group["publicKey"]["uncompressed"])
            key = read_public_key({
                "kty": "EC", "crv": "P-256",
                "x": base64url.encode(point[1:33]), "y": base64url.encode(point[33:]),
            })
            for each in group["tests"]:
                message, signature = bytes.fromhex(each["msg"]), bytes.fromhex(each["sig"])
                got = verdict(key, message, signature)
                with self.subTest(each["tcId"], comment=each["comment"]):
                    if got == "malformed" and each["result"] == "valid":
                        high += 1
                        low = (P256_ORDER - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")
                        self.assertEqual(verdict(key, message, signature[:32] + low), "valid")
                    else:
                        self.assertEqual(got == "valid", each["result"] == "valid")
        self.assertEqual(high, 70)

    def test_wycheproof_key_sets_private_misused_and_off_the_curve_are_refused(self) -> None:
        expected = {
            1: ["private", "ES256"], 2: ["private", "private"], 4: ["private", "private"], 5: ["unsupported"],
            19: ["unsupported"], 20: ["unsupported"], 21: ["unsupported"], 22: ["malformed"], 23: ["unsupported"],
            24: ["unsupported"], 25: ["private"], 26: ["private"],
        }
        for group in read(third_party("wycheproof/testvectors_v1/json_web_key_test.json"))["testGroups"]:
            case = group["tests"][0]["tcId"]
            if case not in expected:
                continue
            with self.subTest(case, comment=group["comment"]):
                keys = group.get("public", group["private"])["keys"]
                self.assertEqual([problem_of(each) for each in keys], expected[case])


class Jwk(unittest.TestCase):
    #: RFC 8037 appendix A.2 and A.3.
    KNOWN = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}

    def test_thumbprint_is_that_of_rfc_8037(self) -> None:
        self.assertEqual(read_public_key(self.KNOWN).thumbprint, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")

    def test_members_beyond_the_required_ones_are_dropped_and_what_a_key_says_of_itself_is_believed(self) -> None:
        self.assertEqual(problem_of({**self.KNOWN, "kid": "x", "x5c": []}), "Ed25519")
        self.assertEqual(problem_of({**self.KNOWN, "alg": "Ed25519", "use": "sig", "key_ops": ["verify"]}), "Ed25519")
        for name, value, problem in (
            ("alg", "EdDSA", "unsupported"), ("use", "enc", "unsupported"), ("key_ops", ["sign"], "unsupported"),
            ("crv", "X25519", "unsupported"), ("d", "x", "private"), ("k", "", "private"),
            ("x", KNOWN_PADDED, "malformed"), ("x", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp", "malformed"),
        ):
            with self.subTest(name, value=value):
                self.assertEqual(problem_of({**self.KNOWN, name: value}), problem)

    def test_identity_and_a_second_encoding_of_it_are_weak(self) -> None:
        for encoded in (1, 1 | 1 << 255, 2**255 - 19, 2**255 - 18, 2**256 - 1, 0, 2**255 - 20):
            with self.subTest(encoded):
                self.assertEqual(problem_of(okp(encoded.to_bytes(32, "little"))), "weak")


KNOWN_PADDED = Jwk.KNOWN["x"] + "="

if __name__ == "__main__":
    unittest.main()
