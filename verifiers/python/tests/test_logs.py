"""Logs: vectors/log, vectors/audit, and the vectors of transparency-dev and Go."""

import base64
import unittest

from taper_verify import base64url
from taper_verify.audit import opens_arguments, read_event, signed_text, verify_log, verify_log_bytes
from taper_verify.checkpoint import LogProblem, LogTrust, parse_note, parse_note_key, verify_checkpoint, verify_log_proof
from taper_verify.key import read_public_key
from taper_verify.merkle import (
    Frontier,
    aligned_subtrees,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)
from taper_verify.signature import verifies
from taper_verify.strict_json import parse

from .shared import VECTORS, read, third_party

data = base64.b64decode


def trust_of(given: dict) -> LogTrust:
    keys = [parse_note_key(each) for each in given["keys"]]
    return LogTrust(given["origin"], keys, [parse_note_key(each) for each in given["witnesses"]], given["quorum"])


def cosigners(checkpoint) -> list:
    return [{"name": name, "time": time} for name, time in checkpoint.cosigners]


class TransparencyLogs(unittest.TestCase):
    def test_verifier_keys(self) -> None:
        for each in read(VECTORS / "log/checkpoint.json")["vkeys"]:
            with self.subTest(each["id"], title=each["title"]):
                self.assertEqual(parse_note_key(each["vkey"]) is not None, each["expected"])

    def test_signed_and_cosigned_checkpoints(self) -> None:
        for each in read(VECTORS / "log/checkpoint.json")["checkpoints"]:
            with self.subTest(each["id"], title=each["title"]):
                try:
                    found = verify_checkpoint(each["note"], trust_of(each["trust"]), each["now"])
                    got = {"problem": None, "size": found.size, "cosigners": cosigners(found)}
                except LogProblem as problem:
                    got = {"problem": problem.code, "size": None, "cosigners": None}
                self.assertEqual(got, each["expected"])

    def test_inclusion_and_consistency(self) -> None:
        suite = read(VECTORS / "log/merkle.json")
        for each in suite["inclusion"]:
            with self.subTest(each["id"], title=each["title"]):
                proof = [data(item) for item in each["proof"]]
                got = verify_inclusion(data(each["leaf"]), each["index"], each["size"], proof, data(each["root"]))
                self.assertEqual(got, each["expected"])
        for each in suite["consistency"]:
            with self.subTest(each["id"], title=each["title"]):
                proof = [data(item) for item in each["proof"]]
                old = each["old_size"], data(each["old_root"])
                self.assertEqual(
                    verify_consistency(*old, each["size"], data(each["root"]), proof), each["expected"]
                )

    def test_offline_proofs(self) -> None:
        for each in read(VECTORS / "log/proof.json")["proofs"]:
            with self.subTest(each["id"], title=each["title"]):
                try:
                    index, found = verify_log_proof(each["proof"], data(each["entry"]), trust_of(each["trust"]))
                    got = {"problem": None, "index": index, "size": found.size, "cosigners": cosigners(found)}
                except LogProblem as problem:
                    got = {"problem": problem.code, "index": None, "size": None, "cosigners": None}
                self.assertEqual(got, each["expected"])

    def test_inclusion_and_consistency_of_transparency_dev(self) -> None:
        folder = third_party("merkle/testdata")
        count = 0
        for file in sorted(folder.glob("inclusion/**/*.json")):
            each = read(file)
            proof = [data(item) for item in each["proof"] or []]
            got = verify_inclusion(data(each["leafHash"]), each["leafIdx"], each["treeSize"], proof, data(each["root"]))
            count += 1
            with self.subTest(str(file.relative_to(folder))):
                self.assertEqual(got, not each["wantErr"])
        for file in sorted(folder.glob("consistency/**/*.json")):
            each = read(file)
            proof = [data(item) for item in each["proof"] or []]
            roots = [data(each[name]) if each[name] else b"" for name in ("root1", "root2")]
            got = verify_consistency(each["size1"], roots[0], each["size2"], roots[1], proof)
            count += 1
            # Where a root does not matter there, it is some text; here it has 32 bytes or nothing is proved.
            roots_are_hashes = all(len(root) == 32 for root in roots)
            with self.subTest(str(file.relative_to(folder))):
                self.assertEqual(got, not each["wantErr"] and roots_are_hashes)
        self.assertEqual(count, 99)

    def test_a_tree_grown_by_leaves_has_the_root_of_one_grown_by_its_aligned_subtrees(self) -> None:
        leaves = [leaf_hash(bytes([index])) for index in range(40)]

        def root(part: list) -> bytes:
            if len(part) == 1:
                return part[0]
            half = 1 << (len(part) - 1).bit_length() - 1
            return node_hash(root(part[:half]), root(part[half:]))

        for size in range(1, 41):
            for start in range(size):
                frontier = Frontier()
                for leaf in leaves[:start]:
                    frontier.append(leaf)
                at = start
                for count in aligned_subtrees(start, size - start):
                    self.assertEqual(at % count, 0)
                    frontier.append(root(leaves[at : at + count]), count)
                    at += count
                self.assertEqual((at, frontier.root()), (size, root(leaves[:size])))


class AuditLogs(unittest.TestCase):
    def test_logs_whole_and_tampered_with(self) -> None:
        for name in ("ed25519", "es256"):
            suite = parse((VECTORS / f"audit/{name}.json").read_bytes())
            key, head = read_public_key(suite["key"]), suite["head"]
            for each in suite["logs"]:
                with self.subTest(name, id=each["id"]):
                    expected = each["expected"]
                    given = head if each["with_head"] else None
                    found = verify_log(each["lines"], key, given)
                    self.assertEqual(
                        [(problem.code, problem.line) for problem in found.problems],
                        [(problem["code"], problem["line"].integer) for problem in expected["problems"]],
                    )
                    self.assertEqual(found.intact, expected["verdict"] == "intact")
                    proved = expected["proved_through"]
                    self.assertEqual(found.proved_through, None if proved is None else proved.integer)
                    as_file = "".join(line + "\n" for line in each["lines"]).encode()
                    self.assertEqual(verify_log_bytes(as_file, key, given).problems, found.problems)

    def test_the_text_that_is_signed_and_the_commitment_to_the_arguments(self) -> None:
        for name in ("ed25519", "es256"):
            suite = parse((VECTORS / f"audit/{name}.json").read_bytes())
            head = suite["head"]
            text = signed_text(head["emitter"], head["hash"], head["sequence"].integer, head["time"].integer)
            self.assertEqual(text.decode(), suite["signing_input"])
            given = suite["arguments"]
            line = suite["logs"][0]["lines"][given["line"].integer - 1]
            committed = read_event(line).value["arguments_hash"]
            salt = base64url.decode(given["salt"])
            self.assertTrue(opens_arguments(committed, salt, given["original"]))
            self.assertFalse(opens_arguments(committed, bytes(16), given["original"]))

    def test_a_file_that_ends_within_a_line_says_so(self) -> None:
        suite = parse((VECTORS / "audit/ed25519.json").read_bytes())
        lines = suite["logs"][0]["lines"]
        cut = ("\n".join(lines)[:-5]).encode()
        found = verify_log_bytes(cut, read_public_key(suite["key"]))
        self.assertEqual([problem.code for problem in found.problems], ["line_incomplete"])
        self.assertEqual([p.code for p in verify_log_bytes(b"", read_public_key(suite["key"])).problems], ["log_empty"])


class SignedNotes(unittest.TestCase):
    def setUp(self) -> None:
        self.suite = read(third_party("signed-note/signed-note.json"))

    def test_verifier_keys_of_go(self) -> None:
        self.assertTrue(all(map(parse_note_key, self.suite["good_vkeys"])))
        self.assertFalse(any(map(parse_note_key, self.suite["bad_vkeys"])))

    def test_notes_of_go(self) -> None:
        for each in self.suite["open_cases"]:
            with self.subTest(each["name"]):
                try:
                    note = parse_note(data(each["note_b64"]).decode("utf-8"))
                except UnicodeDecodeError:
                    note = None
                self.assertEqual(note is None, each["expect"] == "malformed note")
                if note is None:
                    continue
                keys = [key for key in map(parse_note_key, each["keys"]) if key is not None]
                found = {
                    key.name: verifies(key.key, note.text.encode(), signature)
                    for name, identifier, signature in note.signatures
                    for key in keys
                    if (key.name, key.id) == (name, identifier)
                }
                if each["expect"] == "ok":
                    self.assertEqual(found, dict.fromkeys(each["verified"], True))
                elif each["expect"] == "invalid signature":
                    self.assertIn(False, found.values())
                elif each["expect"] == "no verifiable signatures":
                    self.assertEqual(found, {})


if __name__ == "__main__":
    unittest.main()
