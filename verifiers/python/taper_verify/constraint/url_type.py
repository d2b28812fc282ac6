"""`url` (docs/constraints/url.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from ..strict_json import Json, Number
from .base import Constraint, Extension, Malformed, array
from .cidr_type import read_address
from .path_type import MAX_LENGTH, REFUSED_CODE_POINT, Region

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}

_URL = re.compile(r"(https?|wss?)://([^/?#@]+)(/[^?#]*)(?:\?(.+))?\Z", re.DOTALL)
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::(.*))?\Z", re.DOTALL)
_PORT = re.compile(r"(?:0|[1-9][0-9]{0,4})\Z")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
_NUMBER_LIKE = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)\Z")
_SEGMENT = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,=:@]|%20|%[89A-F][0-9A-F])+\Z")
_QUERY = re.compile(r"(?:[A-Za-z0-9\-._~!$&()*+,;=:@/?]|%[0-9A-Fa-f]{2})+\Z")
_ESCAPE = re.compile(rb"%([0-9A-F]{2})")


class Url(NamedTuple):
    scheme: str
    host: str
    port: int
    segments: list[str]
    has_query: bool


def is_domain(host: str) -> bool:
    if len(host) > 253:
        return False
    labels = host.split(".")
    return all(map(_LABEL.match, labels)) and not _NUMBER_LIKE.match(labels[-1])


def is_host(host: str) -> bool:
    if host.startswith("["):
        address = read_address(host[1:-1]) if host.endswith("]") else None
        return address is not None and address.width == 128
    address = read_address(host)
    return (address is not None and address.width == 32) or is_domain(host)


def url_segments(path: Json) -> list[str] | None:
    """Segments, as they are written, of a canonical URL path."""
    if not isinstance(path, str) or len(path) > MAX_LENGTH or not path.startswith("/"):
        return None
    if path == "/":
        return []
    segments = path[1:].split("/")
    return segments if all(map(_is_segment, segments)) else None


def _is_segment(segment: str) -> bool:
    if not _SEGMENT.match(segment):
        return False
    decoded = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), segment.encode("ascii"))
    try:
        text = decoded.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return text[-1] not in ". " and not REFUSED_CODE_POINT.search(text)


def read_url(value: Json) -> Url | None:
    """The parts of a canonical URL."""
    if not isinstance(value, str) or len(value) > MAX_LENGTH:
        return None
    match = _URL.match(value)
    if match is None:
        return None
    scheme, authority, path, query = match.groups()
    split = _AUTHORITY.match(authority)
    if split is None or not is_host(split[1]):
        return None
    port = DEFAULT_PORTS[scheme]
    if split[2] is not None:
        if not _PORT.match(split[2]) or int(split[2]) > 65535 or int(split[2]) == port:
            return None
        port = int(split[2])
    segments = url_segments(path)
    if segments is None or (query is not None and not _QUERY.match(query)):
        return None
    return Url(scheme, split[1], port, segments, query is not None)


def _is_below(host: str, suffix: str) -> bool:
    """Whether at least one label stands in front of the suffix, none of them internationalized."""
    if not host.endswith("." + suffix):
        return False
    return not any(label.startswith("xn--") for label in host[: -len(suffix) - 1].split("."))


class UrlConstraint(Extension):
    type_name = "url"
    members = frozenset({"schemes", "host", "host_suffix", "port", "path", "query"})

    def __init__(self, given: Mapping[str, Json]) -> None:
        schemes = array(given, "schemes")
        if not schemes or not all(isinstance(each, str) and each in DEFAULT_PORTS for each in schemes):
            raise Malformed("schemes")
        if len(set(schemes)) != len(schemes):
            raise Malformed("schemes")
        self.port = _port(given)
        self.ports = {each: self.port or DEFAULT_PORTS[each] for each in schemes}
        if ("host" in given) == ("host_suffix" in given):
            raise Malformed("host")
        self.host, self.suffix = given.get("host"), given.get("host_suffix")
        if "host" in given and not (isinstance(self.host, str) and is_host(self.host)):
            raise Malformed("host")
        if "host_suffix" in given and not (
            isinstance(self.suffix, str) and is_domain(self.suffix) and "." in self.suffix
        ):
            raise Malformed("host_suffix")
        path = given.get("path")
        if not isinstance(path, dict) or set(path) != {"root", "reach"}:
            raise Malformed("path")
        self.region = Region(url_segments(path["root"]), path["reach"])
        if "query" in given and given["query"] != "any":
            raise Malformed("query")
        self.query = "query" in given

    def _admits_host(self, host: str) -> bool:
        return host == self.host if self.host is not None else _is_below(host, str(self.suffix))

    def check(self, value: Json) -> bool:
        url = read_url(value)
        return (
            url is not None
            and self.ports.get(url.scheme) == url.port
            and self._admits_host(url.host)
            and self.region.holds(url.segments)
            and (self.query or not url.has_query)
        )

    def covers(self, child: Constraint) -> bool:
        return (
            isinstance(child, UrlConstraint)
            and all(self.ports.get(scheme) == port for scheme, port in child.ports.items())
            and self._covers_host(child)
            and self.region.covers(child.region)
            and (self.query or not child.query)
        )

    def _covers_host(self, child: UrlConstraint) -> bool:
        if self.host is not None:
            return child.host == self.host
        suffix = str(self.suffix)
        if child.suffix == suffix:
            return True
        return _is_below(str(child.host if child.host is not None else child.suffix), suffix)


def _port(given: Mapping[str, Json]) -> int | None:
    if "port" not in given:
        return None
    port = given["port"]
    if not isinstance(port, Number) or not 1 <= port.value <= 65535 or port.value % 1:
        raise Malformed("port")
    return int(port.value)
