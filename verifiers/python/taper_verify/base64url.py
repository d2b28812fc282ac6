"""Strict base64url (RFC 7515 section 2): no padding, no white space, no bits behind the last byte."""

import base64
import re

_TEXT = re.compile(r"[A-Za-z0-9_-]*\Z")
_VALUES = {char: value for value, char in enumerate(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")}
# Bits of the last character that no byte needs, by the length of the text modulo 4.
_SPARE = {0: 0, 2: 0b1111, 3: 0b11}


def decode(text: str) -> bytes | None:
    """The bytes, or None when the text is not their one spelling."""
    rest = len(text) % 4
    if rest == 1 or not _TEXT.match(text):
        return None
    if rest and _VALUES[text[-1]] & _SPARE[rest]:
        return None
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
