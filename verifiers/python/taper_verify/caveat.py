"""Caveats of the profile `taper` (spec/profile.md): their shape, their accumulation, and the checks 5.1 to 5.3."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from . import base64url
from .denial import Denied
from .strict_json import Json, Number, integer_of, utf16_length

MAX_STALENESS = 7_776_000

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_METER = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_LIMIT = re.compile(r"(?:0|[1-9][0-9]{0,29})(?:\.[0-9]{1,18})?\Z")


@dataclass(frozen=True)
class Profile:
    """What an enforcement point that understands the profile serves."""

    tenant: str | None = None
    purpose: str | None = None


def check_header(header: Mapping[str, Json], profile: Profile | None, step: str) -> None:
    """Section 2, the rows that the header decides."""
    if "crit" not in header:
        if "taper" in header:
            raise Denied("caveats_unmarked", step)
        return
    if profile is None or header["crit"] != ["taper"]:
        raise Denied("critical_header_unknown", step)
    version = header.get("taper")
    if not isinstance(version, Number) or version.text != "1":
        raise Denied("profile_version_unknown", step)


def check_claim(header: Mapping[str, Json], claims: Mapping[str, Json], step: str) -> None:
    """Section 2, the rows that need the payload, and section 3. `step` is 3 or 4."""
    if "crit" not in header:
        if "taper" in claims:
            raise Denied("caveats_unmarked", f"{step}a")
        return
    caveats = claims.get("taper")
    if not isinstance(caveats, dict) or not caveats:
        raise Denied("caveats_malformed", f"{step}b")
    for name in caveats:
        if name not in _SHAPES:
            raise Denied("caveat_unknown", f"{step}b")
    for name, value in caveats.items():
        if not _SHAPES[name](value):
            raise Denied("caveats_malformed", f"{step}b")


def _is_text(value: Json) -> bool:
    return isinstance(value, str) and 1 <= utf16_length(value) <= 256 and not _CONTROL.search(value)


def _is_hash(value: Json) -> bool:
    return isinstance(value, str) and len(value) == 43 and base64url.decode(value) is not None


def _is_integer(value: Json, low: int, high: int) -> bool:
    number = integer_of(value)
    return number is not None and low <= number <= high


def _is_object(value: Json, low: int, high: float, is_member: Callable[[str, Json], bool]) -> bool:
    return (
        isinstance(value, dict)
        and low <= len(value) <= high
        and all(is_member(name, each) for name, each in value.items())
    )


def _is_limit(meter: str, limit: Json) -> bool:
    return (
        _METER.match(meter) is not None
        and isinstance(limit, str)
        and _LIMIT.match(limit) is not None
        and not (meter == "calls" and "." in limit)
    )


def is_group(name: str) -> bool:
    """spec/approval.md section 2."""
    if not 1 <= utf16_length(name) <= 128 or name[0] == " " or name[-1] == " ":
        return False
    return all(char == " " or unicodedata.category(char)[0] not in "CZ" for char in name)


def _are_counts(tool: str, groups: Json) -> bool:
    return tool != "" and _is_object(
        groups, 1, 16, lambda name, count: is_group(name) and _is_integer(count, 1, 16)
    )


def _is_revocation(value: Json) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"log", "epoch", "max_staleness"}
        and _is_text(value["log"])
        and _is_integer(value["epoch"], 0, 2**53 - 1)
        and _is_integer(value["max_staleness"], 1, MAX_STALENESS)
    )


_SHAPES: Mapping[str, Callable[[Json], bool]] = {
    "tenant": _is_text,
    "purpose": _is_text,
    "budget": lambda value: _is_object(value, 1, 16, _is_limit),
    "approvals": lambda value: _is_object(value, 1, 64, _are_counts),
    "revocation": _is_revocation,
    "definitions": lambda value: _is_object(
        value, 1, float("inf"), lambda tool, each: tool != "" and _is_hash(each)
    ),
}


@dataclass
class ChainCaveats:
    """What a chain asks (section 4): the conjunction of what its tokens ask."""

    tenant: str | None = None
    tenant_hop: int | None = None
    purposes: list[tuple[int, str]] = field(default_factory=list)
    definitions: list[tuple[int, str, str]] = field(default_factory=list)
    budgets: list[tuple[str, str, str]] = field(default_factory=list)
    approvals: dict[str, dict[str, int]] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)
    max_staleness: int | None = None

    def add(self, hop: int, token_hash: str, caveats: Mapping[str, Json]) -> None:
        """Adds what one token asks; raises Denied for another tenant than one above it."""
        tenant = caveats.get("tenant")
        if tenant is not None:
            if self.tenant is not None and tenant != self.tenant:
                raise Denied("tenant_mismatch", None, hop)
            if self.tenant is None:
                self.tenant, self.tenant_hop = tenant, hop
        if "purpose" in caveats:
            self.purposes.append((hop, caveats["purpose"]))
        self.definitions += [(hop, tool, each) for tool, each in caveats.get("definitions", {}).items()]
        self.budgets += [(token_hash, meter, limit) for meter, limit in caveats.get("budget", {}).items()]
        for tool, groups in caveats.get("approvals", {}).items():
            asked = self.approvals.setdefault(tool, {})
            for group, count in groups.items():
                asked[group] = max(asked.get(group, 0), count.integer)
        revocation = caveats.get("revocation")
        if revocation is not None:
            log, staleness = revocation["log"], revocation["max_staleness"].integer
            self.epochs[log] = max(self.epochs.get(log, 0), revocation["epoch"].integer)
            self.max_staleness = min(self.max_staleness or staleness, staleness)

    def check(self, profile: Profile | None, tool: str, definition: str | None) -> None:
        """Sections 5.1 to 5.3; raises Denied."""
        self.check_place(profile)
        pins = [(hop, each) for hop, pinned, each in self.definitions if pinned == tool]
        if pins and definition is None:
            raise Denied("definition_unknown", None, pins[0][0])
        for hop, each in pins:
            if each != definition:
                raise Denied("definition_changed", None, hop)

    def check_place(self, profile: Profile | None) -> None:
        """Sections 5.1 and 5.2; raises Denied."""
        served = profile or Profile()
        if served.tenant != self.tenant or (self.tenant is not None and self.tenant_hop != 0):
            raise Denied("tenant_mismatch", None, self.tenant_hop)
        if served.purpose is not None:
            for hop, purpose in self.purposes:
                if purpose != served.purpose:
                    raise Denied("purpose_mismatch", None, hop)
            if not self.purposes:
                raise Denied("purpose_mismatch")
