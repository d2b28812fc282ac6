"""Our vectors, and those of the draft's authors: vectors/README.md."""

import re
import unittest
from pathlib import Path

import taper_verify
from taper_verify import hybrid
from taper_verify.suite import judge_suite

from .shared import REPOSITORY, VECTORS, read, third_party


class Suites(unittest.TestCase):
    def assert_agrees(self, name: str, count: int) -> None:
        judged = list(judge_suite(VECTORS / name))
        self.assertGreaterEqual(len(judged), count)
        for each in judged:
            with self.subTest(each.vector["id"], title=each.vector["title"]):
                self.assertTrue(each.agrees_exactly, f"{each.denial} where {each.vector['expected']} is expected")

    def test_agrees_on_every_vector_of_the_draft_in_verdict_code_step_and_hop(self) -> None:
        self.assert_agrees("aat.json", 376)

    def test_agrees_on_every_vector_of_the_extension_types(self) -> None:
        self.assert_agrees("aat-extensions.json", 123)

    def test_agrees_on_every_vector_of_the_profile(self) -> None:
        self.assert_agrees("taper-profile.json", 162)

    def test_agrees_on_every_vector_of_rotated_keys(self) -> None:
        self.assert_agrees("taper-rotation.json", 60)

    @unittest.skipIf(hybrid.mldsa is None, "this version of cryptography has no ML-DSA")
    def test_agrees_on_every_vector_of_hybrid_roots(self) -> None:
        self.assert_agrees("taper-hybrid-roots.json", 13)

    def test_agrees_on_every_vector_at_the_limits_of_size(self) -> None:
        self.assert_agrees("aat-limits.json", 4)

    def test_agrees_with_the_authors_of_the_draft(self) -> None:
        judged = list(judge_suite(third_party("aat/aat-vectors-compact.json")))
        self.assertEqual(len(judged), 115)
        for each in judged:
            with self.subTest(each.vector["id"], title=each.vector["title"]):
                self.assertTrue(each.agrees, each.denial)

    def test_every_code_is_one_of_spec_denials_json_with_a_step_that_it_lists(self) -> None:
        steps = {each["code"]: each["steps"] for each in read(REPOSITORY / "spec/denials.json")}
        count = 0
        for file in sorted(Path(taper_verify.__file__).parent.glob("*.py")):
            for code, step in re.findall(r'Denied\("([a-z_]+)"(?:, "([0-9a-z]+)")?', file.read_text("utf-8")):
                count += 1
                with self.subTest(f"{file.name}: {code}"):
                    self.assertIn(code, steps)
                    if step:
                        self.assertIn(step, steps[code])
        self.assertGreater(count, 80)


if __name__ == "__main__":
    unittest.main()
