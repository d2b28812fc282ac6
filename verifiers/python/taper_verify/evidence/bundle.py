"""Reads a bundle: its one text, and the shapes of section 2. What it says is not believed here."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from .. import base64url
from ..audit import Event, read_event
from ..jcs import canonical
from ..jws import Compact, take_apart
from ..merkle import aligned_subtrees
from ..strict_json import Json, MalformedJson, Number, TooManyValues, integer_of, parse, utf16_length

MAX_LENGTH = 67_108_864
MAX_VALUES = 4_000_000
MAX_LOGS = 64

_SALT = re.compile(r"[A-Za-z0-9_-]{22}\Z")
_STAPLE = re.compile(r"[A-Za-z0-9_-]+\Z")


class BundleRefused(Exception):
    def __init__(self, code: str, path: str = "") -> None:
        super().__init__(code)
        self.code, self.path = code, path


@dataclass(frozen=True)
class Opening:
    arguments: str
    #: As text: a second spelling of the bytes opens nothing.
    salt: str
    proofs: list[str] | None


@dataclass(frozen=True)
class Shown:
    """An entry that is shown. `index` counts from 0; the event is None where the line is malformed."""

    path: str
    index: int
    line: str
    event: Event | None
    opening: Opening | None


@dataclass(frozen=True)
class Withheld:
    """A run of entries that is withheld."""

    path: str
    index: int
    count: int
    hashes: list[bytes]


@dataclass(frozen=True)
class Earlier:
    path: str
    note: str
    proof: list[bytes]


@dataclass
class BundleLog:
    path: str
    note: str
    items: list[Shown | Withheld]
    earlier: list[Earlier]
    #: Entries that the items cover.
    size: int

    @property
    def origin(self) -> str:
        return self.note.partition("\n")[0]

    @property
    def shown(self) -> list[Shown]:
        return [each for each in self.items if isinstance(each, Shown)]


@dataclass
class Staple:
    path: str
    leaf: str
    #: base64url; empty where the text is none.
    data: bytes


@dataclass
class Bundle:
    logs: list[BundleLog]
    staples: list[Staple] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)


def read_bundle(text: str | bytes) -> Bundle:
    """Raises BundleRefused."""
    if len(text) > 4 * MAX_LENGTH:
        raise BundleRefused("bundle_too_large")
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BundleRefused("bundle_malformed") from error
    if utf16_length(text) > MAX_LENGTH:
        raise BundleRefused("bundle_too_large")
    text = text[:-1] if text.endswith("\n") else text
    try:
        given = parse(text, MAX_VALUES)
        if not isinstance(given, dict) or canonical(given) != text:
            raise BundleRefused("bundle_malformed")
    except TooManyValues as error:
        raise BundleRefused("bundle_too_large") from error
    except (MalformedJson, ValueError) as error:
        raise BundleRefused("bundle_malformed") from error
    return _Reader().bundle(given)


class _Reader:
    """Turns JSON into records; every refusal names the member at fault."""

    def bundle(self, given: dict[str, Json]) -> Bundle:
        version = given.get("taper_evidence")
        if isinstance(version, Number) and version.text != "1":
            raise BundleRefused("version_unsupported", "taper_evidence")
        if not isinstance(version, Number):
            raise BundleRefused("bundle_malformed", "taper_evidence")
        self.members(given, "", {"logs", "taper_evidence"}, {"staples", "tokens"})
        logs = self.each(given["logs"], "logs", self.log, 1, MAX_LOGS)
        origins = [log.origin for log in logs]
        for index, origin in enumerate(origins):
            if origin in origins[:index]:
                raise BundleRefused("bundle_malformed", f"logs[{index}].checkpoint")
        made = Bundle(logs)
        if "staples" in given:
            made.staples = self.each(given["staples"], "staples", self.staple, 1)
        if "tokens" in given:
            made.tokens = self.each(given["tokens"], "tokens", self.text, 1)
        return made

    def members(self, given: Json, path: str, required: set[str], optional: set[str] = frozenset()) -> dict[str, Json]:  # type: ignore[assignment]
        if not isinstance(given, dict):
            raise BundleRefused("bundle_malformed", path)
        for name in sorted(set(given) - required - optional | required - set(given)):
            raise BundleRefused("bundle_malformed", f"{path}.{name}" if path else name)
        return given

    def each(self, given: Json, path: str, make: Callable, least: int, most: float = float("inf")) -> list:
        if not isinstance(given, list) or not least <= len(given) <= most:
            raise BundleRefused("bundle_malformed", path)
        return [make(item, f"{path}[{index}]") for index, item in enumerate(given)]

    def text(self, given: Json, path: str) -> str:
        if not isinstance(given, str) or given == "":
            raise BundleRefused("bundle_malformed", path)
        return given

    def hash(self, given: Json, path: str) -> bytes:
        data = base64url.decode(given) if isinstance(given, str) else None
        if data is None or len(data) != 32:
            raise BundleRefused("bundle_malformed", path)
        return data

    def like(self, given: Json, path: str, pattern: re.Pattern[str]) -> str:
        if not isinstance(given, str) or not pattern.match(given):
            raise BundleRefused("bundle_malformed", path)
        return given

    def log(self, given: Json, path: str) -> BundleLog:
        log = self.members(given, path, {"checkpoint", "items"}, {"earlier"})
        note = self.text(log["checkpoint"], f"{path}.checkpoint")
        if not isinstance(log["items"], list):
            raise BundleRefused("bundle_malformed", f"{path}.items")
        items: list[Shown | Withheld] = []
        size = 0
        for index, item in enumerate(log["items"]):
            made = self.item(item, f"{path}.items[{index}]", size)
            if isinstance(made, Withheld) and items and isinstance(items[-1], Withheld):
                raise BundleRefused("bundle_malformed", made.path)
            size += made.count if isinstance(made, Withheld) else 1
            items.append(made)
        earlier = self.each(log["earlier"], f"{path}.earlier", self.earlier, 1) if "earlier" in log else []
        return BundleLog(path, note, items, earlier, size)

    def item(self, given: Json, path: str, index: int) -> Shown | Withheld:
        if not isinstance(given, dict) or not {"count", "hashes"} & set(given):
            item = self.members(given, path, {"line"}, {"opening"})
            line = self.text(item["line"], f"{path}.line")
            opening = self.opening(item["opening"], f"{path}.opening") if "opening" in item else None
            return Shown(path, index, line, read_event(line), opening)
        item = self.members(given, path, {"count", "hashes"})
        count = integer_of(item["count"])
        if count is None or count < 1:
            raise BundleRefused("bundle_malformed", f"{path}.count")
        hashes = self.each(item["hashes"], f"{path}.hashes", self.hash, 1, 106)
        return Withheld(path, index, count, hashes)

    def opening(self, given: Json, path: str) -> Opening:
        opening = self.members(given, path, {"arguments", "salt"}, {"proofs"})
        proofs = None
        if "proofs" in opening:
            proofs = self.each(opening["proofs"], f"{path}.proofs", self.text, 1, 4)
        arguments = self.text(opening["arguments"], f"{path}.arguments")
        return Opening(arguments, self.like(opening["salt"], f"{path}.salt", _SALT), proofs)

    def earlier(self, given: Json, path: str) -> Earlier:
        item = self.members(given, path, {"checkpoint", "proof"})
        note = self.text(item["checkpoint"], f"{path}.checkpoint")
        return Earlier(path, note, self.each(item["proof"], f"{path}.proof", self.hash, 0))

    def staple(self, given: Json, path: str) -> Staple:
        item = self.members(given, path, {"leaf", "staple"})
        self.hash(item["leaf"], f"{path}.leaf")
        text = self.like(item["staple"], f"{path}.staple", _STAPLE)
        return Staple(path, str(item["leaf"]), base64url.decode(text) or b"")


def run_is_whole(run: Withheld) -> bool:
    """Whether a run has the hashes that section 2.1 gives it."""
    return len(aligned_subtrees(run.index, run.count)) == len(run.hashes)


def token_of(text: str) -> Compact | None:
    compact = take_apart(text)
    if compact is None or compact.payload is None or compact.signature is None:
        return None
    return compact if base64url.decode(compact.header_text) is not None else None
