"""`cidr` (docs/constraints/cidr.md), and the canonical text of addresses that `url` shares."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from ..strict_json import Json
from .base import Constraint, Extension, Malformed, text

MAX_ADDRESS_LENGTH = 39
_V4 = re.compile(r"(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}\Z")
_V6 = re.compile(r"[0-9a-f:]+\Z")
_PREFIX = re.compile(r"(?:0|[1-9][0-9]{0,2})\Z")
_MAPPED = 0xFFFF  # the first 96 bits of ::ffff:0:0/96


class Address(NamedTuple):
    width: int
    bits: int


def read_address(value: Json) -> Address | None:
    """The address of a canonical text, IPv4 or IPv6."""
    if not isinstance(value, str) or len(value) > MAX_ADDRESS_LENGTH:
        return None
    return _read_v6(value) if ":" in value else _read_v4(value)


def _read_v4(value: str) -> Address | None:
    if not _V4.match(value):
        return None
    numbers = [int(part) for part in value.split(".")]
    if max(numbers) > 255:
        return None
    return Address(32, int.from_bytes(bytes(numbers), "big"))


def _read_v6(value: str) -> Address | None:
    if not _V6.match(value):
        return None
    head, gap, tail = value.partition("::")
    left = head.split(":") if head else []
    right = tail.split(":") if tail else []
    if any(not 1 <= len(group) <= 4 for group in left + right):
        return None
    missing = 8 - len(left) - len(right)
    if (missing < 1) if gap else (missing != 0):
        return None
    groups = [int(group, 16) for group in left] + [0] * missing + [int(group, 16) for group in right]
    if _v6_text(groups) != value:
        return None
    bits = 0
    for group in groups:
        bits = bits << 16 | group
    return None if bits >> 32 == _MAPPED else Address(128, bits)


def _v6_text(groups: list[int]) -> str:
    """RFC 5952 section 4, without the dotted form."""
    start, length = 0, 0
    index = 0
    while index < 8:
        end = index
        while end < 8 and groups[end] == 0:
            end += 1
        if end - index > length:
            start, length = index, end - index
        index = max(end, index + 1)
    if length < 2:
        return ":".join(f"{group:x}" for group in groups)
    left = ":".join(f"{group:x}" for group in groups[:start])
    right = ":".join(f"{group:x}" for group in groups[start + length :])
    return f"{left}::{right}"


class Cidr(Extension):
    type_name = "cidr"
    members = frozenset({"network"})

    def __init__(self, given: Mapping[str, Json]) -> None:
        network, _, prefix = text(given, "network").partition("/")
        address = read_address(network)
        if address is None or not _PREFIX.match(prefix) or int(prefix) > address.width:
            raise Malformed("network")
        self.address, self.prefix = address, int(prefix)
        if self._leading(address) << (address.width - self.prefix) != address.bits:
            raise Malformed("network")

    def _leading(self, address: Address) -> int:
        return address.bits >> (address.width - self.prefix)

    def _holds(self, address: Address) -> bool:
        return address.width == self.address.width and self._leading(address) == self._leading(self.address)

    def check(self, value: Json) -> bool:
        address = read_address(value)
        return address is not None and self._holds(address)

    def covers(self, child: Constraint) -> bool:
        return isinstance(child, Cidr) and child.prefix >= self.prefix and self._holds(child.address)
