"""Our vectors, and those of the draft's authors: vectors/README.md."""

import unittest

from taper_verify.suite import judge_suite

from .shared import VECTORS, third_party


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

    def test_agrees_on_every_vector_at_the_limits_of_size(self) -> None:
        self.assert_agrees("aat-limits.json", 4)

    def test_agrees_with_the_authors_of_the_draft(self) -> None:
        judged = list(judge_suite(third_party("aat/aat-vectors-compact.json")))
        self.assertEqual(len(judged), 115)
        for each in judged:
            with self.subTest(each.vector["id"], title=each.vector["title"]):
                self.assertTrue(each.agrees, each.denial)


if __name__ == "__main__":
    unittest.main()
