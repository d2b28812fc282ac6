"""The revoked set and staples: vectors/log/revoked-set.json (spec/revocation.md sections 6 and 10)."""

import unittest

from taper_verify import base64url
from taper_verify.checkpoint import LogProblem, LogTrust, parse_note_key
from taper_verify.revoked_set import ProofMalformed, Query, SubjectChain, read_proof
from taper_verify.staple import parse_staple, verify_staple

from .shared import VECTORS, read

SUITE = VECTORS / "log/revoked-set.json"


def query_of(given: dict) -> Query:
    return Query([SubjectChain(each["tokens"], each["keys"]) for each in given["chains"]], given.get("tenant"))


def present_of(proof: bytes, query: Query) -> tuple[set, bytes]:
    found = read_proof(proof, query)
    tenant = set() if found.issued_before is None else {query.tenant}
    return {token for _, token in found.tokens} | found.keys | tenant, found.root


class RevokedSet(unittest.TestCase):
    def test_proofs_come_to_the_root_of_their_set_or_to_another_or_are_malformed(self) -> None:
        suite = read(SUITE)
        roots = {each["id"]: base64url.decode(each["revoked_root"]) for each in suite["sets"]}
        self.assertGreaterEqual(len(suite["proofs"]), 19)
        for each in suite["proofs"]:
            with self.subTest(each["id"], title=each["title"]):
                try:
                    present, root = present_of(base64url.decode(each["proof"]), query_of(each["query"]))
                except ProofMalformed:
                    self.assertEqual(each["expected"], "malformed")
                    continue
                self.assertEqual(root == roots[each["set"]], each["expected"] != "other_root")
                if each["expected"] != "other_root":
                    self.assertEqual(present, set(each["expected"]["present"]))


class Staples(unittest.TestCase):
    def setUp(self) -> None:
        self.suite = read(SUITE)
        trust = self.suite["trust"]
        self.trust = LogTrust(
            trust["origin"],
            [parse_note_key(each) for each in trust["keys"]],
            [parse_note_key(each) for each in trust["witnesses"]],
            trust["quorum"],
        )

    def test_staples_say_what_was_revoked_and_as_of_when_or_why_they_say_nothing(self) -> None:
        self.assertGreaterEqual(len(self.suite["staples"]), 22)
        for each in self.suite["staples"]:
            with self.subTest(each["id"], title=each["title"]):
                subject = query_of(each["subject"])
                data = base64url.decode(each["staple"])
                try:
                    found = verify_staple(data, subject, each["subject"]["oldest_issued_at"], self.trust)
                except LogProblem as problem:
                    self.assertEqual({"ok": False, "problem": problem.code}, each["expected"])
                    continue
                expected = each["expected"]
                self.assertTrue(expected["ok"])
                self.assertEqual((found.epoch, found.as_of), (expected["epoch"], expected["as_of"]))
                self.assertEqual(found.revoked is None, expected["revoked"] is None)
                if found.revoked is not None:
                    what = expected["revoked"]
                    self.assertEqual(found.revoked.kind, what["what"])
                    if what["what"] != "tenant":
                        chain = subject.chains[what["chain"]]
                        listed = chain.tokens if what["what"] == "token" else chain.keys
                        self.assertEqual(found.revoked.what, listed[what["index"]])

    def test_every_flipped_bit_of_a_staple_is_found(self) -> None:
        good = next(each for each in self.suite["staples"] if each["id"] == "good")
        data = bytearray(base64url.decode(good["staple"]))
        subject, oldest = query_of(good["subject"]), good["subject"]["oldest_issued_at"]
        note = len(parse_staple(bytes(data)).note.encode())
        # All bits behind the note, and of the note one in each byte.
        for at in range(len(data)):
            for bit in [at % 8] if 3 <= at < 3 + note else range(8):
                data[at] ^= 1 << bit
                with self.subTest(at, bit=bit):
                    with self.assertRaises(LogProblem):
                        verify_staple(bytes(data), subject, oldest, self.trust)
                data[at] ^= 1 << bit


if __name__ == "__main__":
    unittest.main()
