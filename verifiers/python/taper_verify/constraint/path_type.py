"""`path` (docs/constraints/path.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..strict_json import Json, utf16_length
from .base import Constraint, Extension, Malformed, text

MAX_LENGTH = 4096

# docs/constraints/path.md, "Refused code points": a list of its own, which follows no version of Unicode.
_REFUSED = (
    "0000-001F 002F 005C 007F-00A0 00A5 00AD 034F 061C 115F-1160 1680 17B4-17B5 180B-180F 2000-200F 2024-2026 "
    "2028-202F 2044 205F-206F 20A9 2100-2101 2105-2106 2215-2216 2236 29F5 29F8-29F9 2A74 3000 3164 D800-DFFF "
    "FE00-FE0F FE13 FE19 FE30 FE52 FE55 FE68 FE6A FEFF FF05 FF0E-FF0F FF1A FF3C FFA0 FFE5-FFE6 FFF0-FFFF "
    "1BCA0-1BCA3 1D173-1D17A E0000-E0FFF"
)


def _class_of(ranges: str) -> str:
    parts = []
    for each in ranges.split():
        first, _, last = each.partition("-")
        parts.append(f"\\U{int(first, 16):08x}-\\U{int(last or first, 16):08x}")
    return "".join(parts)


REFUSED_CODE_POINT = re.compile(f"[{_class_of(_REFUSED)}]")

# Lowest and highest number of segments below the root.
DEPTHS: Mapping[str, tuple[float, float]] = {
    "self": (0, 0),
    "children": (1, 1),
    "descendants": (1, float("inf")),
    "subtree": (0, float("inf")),
}


def segments_of(path: Json) -> list[str] | None:
    """Segments of a canonical path; None when it is none."""
    if not isinstance(path, str) or utf16_length(path) > MAX_LENGTH:
        return None
    if path == "/":
        return []
    if not path.startswith("/"):
        return None
    segments = path[1:].split("/")
    return segments if all(map(_is_segment, segments)) else None


def _is_segment(segment: str) -> bool:
    return (
        segment != ""
        and segment[-1] not in ". "
        and "%" not in segment
        and ":" not in segment
        and not REFUSED_CODE_POINT.search(segment)
    )


class Region:
    """Root segments and reach, for `path` and for the path of a `url`."""

    def __init__(self, root: list[str] | None, reach: Json) -> None:
        if root is None or not isinstance(reach, str) or reach not in DEPTHS:
            raise Malformed("root or reach")
        self.root = root
        self.low, self.high = DEPTHS[reach]

    def holds(self, segments: list[str]) -> bool:
        below = len(segments) - len(self.root)
        return self.low <= below <= self.high and segments[: len(self.root)] == self.root

    def covers(self, child: Region) -> bool:
        below = len(child.root) - len(self.root)
        return (
            below >= 0
            and child.root[: len(self.root)] == self.root
            and below + child.low >= self.low
            and below + child.high <= self.high
        )


class Path(Extension):
    type_name = "path"
    members = frozenset({"root", "reach"})

    def __init__(self, given: Mapping[str, Json]) -> None:
        self.region = Region(segments_of(text(given, "root")), given.get("reach"))

    def check(self, value: Json) -> bool:
        segments = segments_of(value)
        return segments is not None and self.region.holds(segments)

    def covers(self, child: Constraint) -> bool:
        return isinstance(child, Path) and self.region.covers(child.region)
