"""Chain verification: draft section 8, steps 1 to 5, in its order, with the codes of spec/denials.json."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from . import capability
from .capability import Tools
from .caveat import ChainCaveats, Profile, check_claim, check_header
from .denial import Denial, Denied
from .hybrid import check_hybrid
from .jws import Compact, check_kind, check_signature, extract_token_id, fitting_keys, read_claims, take_apart
from .key import KeyRefused, PublicKey, read_public_key
from .rotation import PARAMETER, IssuerKey, Rotation, check_time, follow
from .strict_json import Json, integer_of, utf16_length
from .subject import ExchangedSubject, read_subject

TOKEN_TYPE = "aat+jwt"
MAX_ANCHORS = 100


@dataclass(frozen=True)
class Anchor:
    """A root issuer that is trusted, and its key."""

    issuer: str
    key: PublicKey
    #: The second key, where roots must be signed by both (spec/hybrid-roots.md).
    hybrid: bytes | None = None


@dataclass(frozen=True)
class Limits:
    """The limits of draft sections 3.4, 4.3, 4.4 and 9.10: characters, hops and seconds."""

    token_size: int = 65_536
    chain_size: int = 262_144
    delegation_depth: int = 8
    iat_skew: int = 30
    token_lifetime: int = 7_776_000
    pop_window: int = 30


@dataclass(frozen=True)
class Token:
    """A token of a verified chain."""

    hash: str
    claims: Mapping[str, Json]
    holder: PublicKey
    tools: Tools
    has_entry: bool
    signer: PublicKey
    #: The statements that lead from the parent's holder to the signer, where that is another.
    rotations: Sequence[Rotation] = ()
    #: Of a root: what was exchanged for it.
    subject: ExchangedSubject = field(default_factory=ExchangedSubject)


@dataclass(frozen=True)
class VerifiedChain:
    tokens: Sequence[Token]
    caveats: ChainCaveats

    @property
    def leaf(self) -> Token:
        return self.tokens[-1]


@dataclass
class ChainVerifier:
    anchors: Sequence[Anchor]
    #: The identifiers of the enforcement point.
    audience: Collection[str] = ()
    limits: Limits = field(default_factory=Limits)
    profile: Profile | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.anchors) <= MAX_ANCHORS:
            raise ValueError("a verifier takes 1 to 100 trust anchors")
        if len({(each.key, each.hybrid) for each in self.anchors}) != len({each.key for each in self.anchors}):
            raise ValueError("a key is given with and without a second, or with two")

    def verify_chain(self, chain: Sequence[str], now: int) -> VerifiedChain | Denial:
        """Steps 1 to 5. `now` in seconds since the epoch."""
        try:
            return self._chain(chain, now)
        except Denied as denied:
            return denied.denial

    def _chain(self, chain: Sequence[str], now: int) -> VerifiedChain:
        compacts = self._read(chain)
        tokens: list[Token] = []
        caveats = ChainCaveats()
        for hop, compact in enumerate(compacts):
            try:
                token = self._child(compact, tokens, now) if tokens else self._root(compact, now)
            except Denied as denied:
                raise Denied(denied.denial.code, denied.denial.step, hop) from denied
            caveats.add(hop, token.hash, token.claims.get("taper") or {})
            tokens.append(token)
        if len(tokens) != integer_of(tokens[-1].claims["del_depth"]) + 1:
            raise Denied("chain_length_mismatch", "5")
        return VerifiedChain(tokens, caveats)

    def _read(self, chain: Sequence[str]) -> list[Compact]:
        """Steps 1 and 2."""
        if not chain:
            raise Denied("chain_empty", "1")
        if len(chain) > self.limits.delegation_depth + 1:
            raise Denied("chain_too_long", "4f")
        sizes = [utf16_length(text) for text in chain]
        for hop, size in enumerate(sizes):
            if size > self.limits.token_size:
                raise Denied("token_too_large", "2a", hop)
        if sum(sizes) > self.limits.chain_size:
            raise Denied("chain_too_large", "2b")
        compacts = []
        seen: set[str] = set()
        for hop, text in enumerate(chain):
            compact = take_apart(text)
            if compact is None:
                raise Denied("token_malformed", "2c", hop)
            identifier = extract_token_id(compact.payload)
            if identifier is None:
                raise Denied("token_id_unreadable", "2c", hop)
            if identifier in seen:
                raise Denied("token_repeated", "2c", hop)
            seen.add(identifier)
            compacts.append(compact)
        return compacts

    def _header(self, compact: Compact, step: str) -> dict[str, Json]:
        """Steps 3a and 4a, but for the key."""
        header = compact.header
        if header is None:
            raise Denied("token_malformed", step)
        check_kind(header, TOKEN_TYPE, step)
        check_header(header, self.profile, step)
        return header

    def acting(self, header: Mapping[str, Json], tokens: Sequence[Token]) -> tuple[PublicKey, Sequence[Rotation]]:
        """The key that signs under the last of these tokens, and the statements that lead to it. Raises Denied."""
        holder = tokens[-1].holder
        if PARAMETER not in header:
            return holder, ()
        root = tokens[0].claims
        caveats = root.get("taper")
        tenant = caveats.get("tenant") if isinstance(caveats, dict) else None
        roots = [IssuerKey(each.issuer, each.key) for each in self.anchors]
        rotations = follow(header[PARAMETER], holder, str(root["iss"]), tenant, roots)
        return rotations[-1].new, rotations

    def _root(self, compact: Compact, now: int) -> Token:
        """Step 3."""
        header = self._header(compact, "3a")
        if PARAMETER in header:
            raise Denied("rotation_invalid")
        keys = fitting_keys(header, list(dict.fromkeys(each.key for each in self.anchors)), "3a")
        signers = check_signature(compact, keys, "3b")
        second = next((each.hybrid for each in self.anchors if each.key == signers[0]), None)
        if second is not None:
            check_hybrid(compact, second)
        claims = read_claims(compact, "3b")
        check_claim(compact.header or {}, claims, "3")
        subject = read_subject(compact.header or {}, claims)
        iat, exp = _times(claims, "3b")
        depth = integer_of(claims.get("del_depth"))
        if depth is None or depth < 0:
            raise Denied("depth_claim_invalid", "3c")
        if depth != 0:
            raise Denied("root_depth_not_zero", "3c")
        if "par_hash" in claims:
            raise Denied("root_has_parent", "3d")
        self._in_force(iat, exp, now, ("3e", "3f", "3g"))
        if exp > iat + self.limits.token_lifetime:
            raise Denied("lifetime_too_long", "3h")
        deepest = integer_of(claims.get("del_max_depth"))
        if deepest is None or not 0 <= deepest <= self.limits.delegation_depth:
            raise Denied("max_depth_invalid", "3i")
        _identifier(claims, "3j")
        if not any(each.key in signers and each.issuer == claims.get("iss") for each in self.anchors):
            raise Denied("issuer_mismatch", "3k")
        holder = _holder(claims, "3l")
        entries = capability.entries_of(claims.get("authorization_details"))
        if entries is None or len(entries) != 1:
            raise Denied("capabilities_malformed", "3m")
        raw = capability.raw_tools(entries[0])
        if raw is None:
            raise Denied("capabilities_malformed", "3m")
        tools = capability.read_tools(raw, "3n")
        return Token(compact.hash, claims, holder, tools, True, signers[0], subject=subject)

    def _child(self, compact: Compact, tokens: Sequence[Token], now: int) -> Token:
        """Step 4."""
        parent = tokens[-1]
        header = self._header(compact, "4a")
        signer, rotations = self.acting(header, tokens)
        check_signature(compact, fitting_keys(header, [signer], "4a"), "4b")
        claims = read_claims(compact, "4b")
        check_claim(compact.header or {}, claims, "4")
        _identifier(claims, "4b1")
        holder = _holder(claims, "4b2")
        if not isinstance(claims.get("authorization_details"), list):
            raise Denied("capabilities_malformed", "4b3")
        depth, deepest = integer_of(claims.get("del_depth")), integer_of(claims.get("del_max_depth"))
        if depth is None or deepest is None or depth < 0 or deepest < 0:
            raise Denied("depth_claim_invalid", "4b4")
        if not all(isinstance(claims.get(name), str) and claims[name] != "" for name in ("iss", "par_hash")):
            raise Denied("parent_link_invalid", "4b5")
        iat, exp = _times(claims, "4b5")
        if claims["iss"] != signer.thumbprint_uri:
            raise Denied("issuer_mismatch", "4c")
        self._depths(depth, deepest, parent)
        parent_iat, parent_exp = integer_of(parent.claims["iat"]), integer_of(parent.claims["exp"])
        if exp > parent_exp:
            raise Denied("expiry_extended", "4h")
        if exp <= now:
            raise Denied("token_expired", "4i")
        if iat < parent_iat:
            raise Denied("issued_before_parent", "4j")
        check_time(rotations, iat)
        self._in_force(iat, exp, now, ("4i", "4k", "4l"))
        if depth > deepest:
            raise Denied("depth_exhausted", "4m")
        tools, has_entry = _child_tools(claims["authorization_details"])
        capability.check_narrowing(parent.tools, tools)
        if claims["par_hash"] != parent.hash:
            raise Denied("parent_hash_mismatch", "4q")
        return Token(compact.hash, claims, holder, tools, has_entry, signer, rotations)

    def _depths(self, depth: int, deepest: int, parent: Token) -> None:
        """Steps 4d to 4g."""
        if depth != integer_of(parent.claims["del_depth"]) + 1:
            raise Denied("depth_not_incremented", "4d")
        limit = integer_of(parent.claims["del_max_depth"])
        if depth > limit:
            raise Denied("depth_exhausted", "4e")
        if depth > self.limits.delegation_depth:
            raise Denied("depth_exhausted", "4f")
        if deepest > limit:
            raise Denied("max_depth_raised", "4g")

    def _in_force(self, iat: int, exp: int, now: int, steps: tuple[str, str, str]) -> None:
        if exp <= now:
            raise Denied("token_expired", steps[0])
        if iat > now + self.limits.iat_skew:
            raise Denied("token_issued_in_future", steps[1])
        if exp <= iat:
            raise Denied("expiry_not_after_issuance", steps[2])


def _times(claims: Mapping[str, Json], step: str) -> tuple[int, int]:
    iat, exp = integer_of(claims.get("iat")), integer_of(claims.get("exp"))
    if iat is None or exp is None:
        raise Denied("time_claim_invalid", step)
    return iat, exp


def _identifier(claims: Mapping[str, Json], step: str) -> None:
    if not isinstance(claims.get("jti"), str) or claims["jti"] == "":
        raise Denied("token_id_invalid", step)


def _holder(claims: Mapping[str, Json], step: str) -> PublicKey:
    cnf = claims.get("cnf")
    if not isinstance(cnf, dict):
        raise Denied("holder_key_invalid", step)
    try:
        return read_public_key(cnf.get("jwk"))
    except KeyRefused as refused:
        code = {"private": "holder_key_private", "weak": "holder_key_weak"}.get(refused.problem, "holder_key_invalid")
        raise Denied(code, step) from refused


def _child_tools(details: Json) -> tuple[Tools, bool]:
    """Steps 4n and 4o."""
    entries = capability.entries_of(details)
    if entries is None or len(entries) > 1:
        raise Denied("capabilities_malformed", "4n")
    if not entries:
        return {}, False
    raw = capability.raw_tools(entries[0])
    if raw is None:
        raise Denied("capabilities_malformed", "4n")
    return capability.read_tools(raw, "4o"), True
