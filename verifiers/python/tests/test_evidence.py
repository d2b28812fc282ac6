"""Evidence bundles: vectors/evidence (spec/evidence.md)."""

import json
import unittest

from taper_verify.evidence import PolicyError, read_trust_policy, verify_evidence

from .shared import VECTORS, read


class Bundles(unittest.TestCase):
    def test_three_verdicts_and_every_problem_with_its_path(self) -> None:
        cases = read(VECTORS / "evidence/bundles.json")["cases"]
        self.assertGreaterEqual(len(cases), 39)
        for each in cases:
            with self.subTest(each["id"], title=each["title"]):
                policy = read_trust_policy(json.dumps(each["trust"]))
                found, expected = verify_evidence(each["bundle"], policy, each.get("as_of")), each["expected"]
                for verdict in ("authentic", "authorized", "complete"):
                    self.assertEqual(found.of(verdict), expected[verdict], verdict)
                self.assertEqual(
                    sorted((problem.verdict, problem.code, problem.path) for problem in found.problems),
                    sorted((problem["verdict"], problem["code"], problem["path"]) for problem in expected["problems"]),
                )

    def test_what_is_no_bundle_has_a_verdict_too(self) -> None:
        policy = read_trust_policy('{"taper_trust":1}')
        for text, code in (
            ("", "bundle_malformed"), ("null", "bundle_malformed"), ("[" * 100_000, "bundle_malformed"),
            (b"\xff", "bundle_malformed"), ('{"taper_evidence":2}', "version_unsupported"),
            ('{"taper_evidence":1}', "bundle_malformed"), ('{"taper_evidence": 1}', "bundle_malformed"),
            ("[" + "," * 4_000_001 + "]", "bundle_too_large"), (bytes(300_000_000), "bundle_too_large"),
        ):
            with self.subTest(code, start=text[:24]):
                found = verify_evidence(text, policy)
                self.assertEqual([each.code for each in found.problems], [code, "not_authentic", "not_authentic"])
                self.assertEqual([found.of(each) for each in ("authentic", "authorized", "complete")],
                                 ["fail", "not_shown", "not_shown"])

    def test_a_policy_that_cannot_be_used_is_an_error_and_no_verdict(self) -> None:
        for text in (
            "", "[]", "{}", '{"taper_trust":2}', '{"taper_trust":1,"extra":1}', '{"taper_trust":1,"taper_trust":1}',
            '{"taper_trust":1,"revocation_logs":["x"]}', '{"taper_trust":1,"anchors":[{"issuer":"x"}]}',
            '{"taper_trust":1,"required":{"sequences":{"first":2,"last":1}}}',
            '{"taper_trust":1,"held":{"checkpoints":["x"]}}',
        ):
            with self.subTest(text):
                self.assertRaises(PolicyError, read_trust_policy, text)


if __name__ == "__main__":
    unittest.main()
