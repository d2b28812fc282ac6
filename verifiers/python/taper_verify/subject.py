"""The claim `taper_subject` of a root that was made by token exchange (spec/profile.md section 3.7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import base64url
from .denial import Denied
from .revoked_set import MAX_SOUGHT, SubjectChain
from .strict_json import Json, integer_of, utf16_length

MAX_SUBJECTS = 8
MAX_IDS = MAX_SOUGHT - 64
MAX_ISSUER = 2048

_USER = {"hash", "iss", "kind"}
_CHAIN = {"hash", "iat", "iss", "keys", "kind", "tokens"}


@dataclass(frozen=True)
class ExchangedSubject:
    """What the chains that were exchanged for a root rested on, the latest first."""

    chains: Sequence[SubjectChain] = ()
    #: The least `iat` of those of the root's own tenant.
    oldest_issued_at: int | None = None


def read_subject(header: Mapping[str, Json], claims: Mapping[str, Json]) -> ExchangedSubject:
    """Of a root, whose header says whether it has caveats: only then the claim says something. Raises Denied."""
    if "crit" not in header or "taper_subject" not in claims:
        return ExchangedSubject()
    chains: list[SubjectChain] = []
    oldest: int | None = None
    is_own, ids, count = True, 0, 0
    given: Json = claims["taper_subject"]
    while True:
        count += 1
        if count > MAX_SUBJECTS or not isinstance(given, dict) or not _is_named(given):
            raise Denied("caveats_malformed", "3b")
        if given["kind"] == "user":
            if set(given) != _USER:
                raise Denied("caveats_malformed", "3b")
            break
        issued_at = integer_of(given.get("iat"))
        chain = _chain(given)
        if chain is None or issued_at is None or issued_at < 0:
            raise Denied("caveats_malformed", "3b")
        ids += len(chain.tokens) + len(chain.keys)
        if ids > MAX_IDS:
            raise Denied("caveats_malformed", "3b")
        chains.append(chain)
        is_own = is_own and given["kind"] == "chain"
        if is_own:
            oldest = issued_at if oldest is None else min(oldest, issued_at)
        if "subject" not in given:
            break
        given = given["subject"]
    return ExchangedSubject(chains, oldest)


def _is_named(subject: Mapping[str, Json]) -> bool:
    issuer = subject.get("iss")
    return (
        isinstance(issuer, str)
        and 1 <= utf16_length(issuer) <= MAX_ISSUER
        and _is_hash(subject.get("hash"))
        and isinstance(subject.get("kind"), str)
    )


def _chain(subject: Mapping[str, Json]) -> SubjectChain | None:
    if subject["kind"] not in ("chain", "foreign") or set(subject) - {"subject"} != _CHAIN:
        return None
    tokens, keys = subject["tokens"], subject["keys"]
    if not _are_hashes(tokens) or not _are_hashes(keys):
        return None
    if not tokens or tokens[-1] != subject["hash"] or len(keys) < len(tokens) + 1:
        return None
    return SubjectChain(tokens, keys)


def _are_hashes(value: Json) -> bool:
    return isinstance(value, list) and len(value) <= MAX_IDS and all(_is_hash(each) for each in value)


def _is_hash(value: Json) -> bool:
    return isinstance(value, str) and len(value) == 43 and base64url.decode(value) is not None
