"""Strict JSON, canonical JSON and base64url: the vectors of others, and what is refused beside them."""

import struct
import unittest

from taper_verify import base64url
from taper_verify.jcs import canonical, number_text
from taper_verify.jws import extract_token_id
from taper_verify.strict_json import DuplicateMember, MalformedJson, Number, parse

from .shared import third_party

#: JSONTestSuite: texts that RFC 8259 leaves to the parser (i_) and those that it allows (y_) which are refused here.
REFUSED_BY_CHOICE = {
    "y_object_duplicated_key.json": "a member named twice",
    "y_object_duplicated_key_and_value.json": "a member named twice",
}


class JsonTestSuite(unittest.TestCase):
    def test_what_must_be_accepted_is_but_for_members_named_twice_and_what_must_be_refused_is(self) -> None:
        count = 0
        for file in sorted(third_party("jsontestsuite/test_parsing").glob("*.json")):
            expected = file.name[0]
            try:
                parse(file.read_bytes())
                accepted = True
            except MalformedJson:
                accepted = False
            with self.subTest(file.name):
                if expected == "n" or file.name in REFUSED_BY_CHOICE:
                    self.assertFalse(accepted)
                elif expected == "y":
                    self.assertTrue(accepted)
            count += 1
        self.assertGreater(count, 300)


class Jcs(unittest.TestCase):
    def test_numbers_are_those_of_ecmascript_in_100_000_cases(self) -> None:
        count = 0
        with third_party("jcs/es6testfile-100k.txt").open(encoding="ascii") as lines:
            for line in lines:
                bits, expected = line.strip().split(",")
                value = struct.unpack(">d", bytes.fromhex(bits.zfill(16)))[0]
                if number_text(value) != expected:
                    self.fail(f"{bits}: {number_text(value)}, not {expected}")
                count += 1
        self.assertEqual(count, 100_000)

    def test_texts_are_those_of_the_reference_implementation(self) -> None:
        folder = third_party("jcs/testdata")
        for file in sorted((folder / "input").glob("*.json")):
            with self.subTest(file.name):
                self.assertEqual(
                    canonical(parse(file.read_bytes())), (folder / "output" / file.name).read_text("utf-8").rstrip("\n")
                )

    def test_members_are_sorted_by_utf_16_code_units(self) -> None:
        self.assertEqual(canonical(parse('{"\ufb33":1,"\U0001f600":2}')), '{"\U0001f600":2,"\ufb33":1}')


class Strictness(unittest.TestCase):
    def test_refuses_what_readers_disagree_about_and_accepts_the_nearest(self) -> None:
        for refused, accepted in (
            ('{"a":1,"a":1}', '{"a":1,"A":1}'),
            ('{"a":1,"\\u0061":1}', '{"\\u0061":1}'),
            ('{"__proto__":1}', '{"constructor":1}'),
            ('"\\ud83d"', '"\\ud83d\\ude00"'),
            ('{"\\udc00":1}', '{"\\ue000":1}'),
            ("[" * 129 + "]" * 129, "[" * 128 + "]" * 128),
            ("[" + "1," * 10_000 + "1]", "[" + "1," * 9_998 + "1]"),
            ("NaN", "0"),
            ("[1,]", "[1]"),
            ("\ufeff1", "1"),
            ("01", "10"),
        ):
            with self.subTest(refused[:20]):
                self.assertRaises(MalformedJson, parse, refused)
                parse(accepted)

    def test_a_member_named_twice_is_told_from_text_that_is_no_json(self) -> None:
        self.assertRaises(DuplicateMember, parse, '{"a":{"b":1,"b":1}}')

    def test_strings_hold_as_many_commas_and_brackets_as_they_like(self) -> None:
        parse('"' + ",[" * 20_000 + '\\",["')

    def test_numbers_are_admissible_when_their_double_says_the_same(self) -> None:
        for text, expected in (
            ("0.1", True), ("1e20", True), ("9007199254740994", True), ("1.0", True), ("-0", True), ("1E+2", True),
            ("9007199254740993", False), ("1.00000000000000001", False), ("1e400", False), ("1e-400", False),
            ("0e-99999999999", True), ("1e99999999999999999999", False), ("5e-324", True), ("4.9e-324", False),
        ):
            with self.subTest(text):
                self.assertEqual(Number(text).admissible, expected)

    def test_integers_are_written_without_fraction_exponent_or_minus_zero(self) -> None:
        for text, expected in (
            ("0", 0), ("-1", -1), ("9007199254740991", 2**53 - 1), ("9007199254740992", None), ("1.0", None),
            ("1e0", None), ("-0", None),
        ):
            with self.subTest(text):
                self.assertEqual(Number(text).integer, expected)

    def test_base64url_has_one_spelling(self) -> None:
        self.assertEqual(base64url.decode("AA"), b"\x00")
        for text in ("AA==", "AB", "A", "AA\n", "A A", "+A", "/A", "AAB"):
            with self.subTest(text):
                self.assertIsNone(base64url.decode(text))


class TokenIdentifier(unittest.TestCase):
    def test_is_found_among_the_members_of_the_object_itself_and_nowhere_else(self) -> None:
        for payload, expected in (
            ('{"jti":"a"}', "a"),
            ('{ "x" : {"jti":"b"}, "\\u006ati" : "a" }', "a"),
            ('{"x":["}",{"y":"\\"jti\\":"}],"jti":"a",}', "a"),
            ('{"jti":7}', None),
            ('{"x":{"jti":"a"}}', None),
            ('[{"jti":"a"}]', None),
            ('"jti"', None),
            ('{"jti"', None),
            ("", None),
        ):
            with self.subTest(payload):
                self.assertEqual(extract_token_id(payload.encode()), expected)


if __name__ == "__main__":
    unittest.main()
