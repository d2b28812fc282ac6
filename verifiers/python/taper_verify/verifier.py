"""Chain verification and authorization: draft section 8, in its order, with the codes of spec/denials.json."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from . import capability
from .capability import Tools
from .caveat import ChainCaveats, Profile, check_claim, check_header
from .denial import Denial, Denied
from .jcs import canonical
from .jws import Compact, check_kind, check_signature, extract_token_id, fitting_keys, read_claims, take_apart
from .key import KeyRefused, PublicKey, read_public_key
from .presentation import Presentation, read_presentation
from .strict_json import Json, MalformedJson, all_numbers_admissible, integer_of, parse, utf16_length

TOKEN_TYPE = "aat+jwt"
PROOF_TYPE = "aat-pop+jwt"
MAX_PROOF = 2**20
MAX_ANCHORS = 100


@dataclass(frozen=True)
class Anchor:
    """A root issuer that is trusted, and its key."""

    issuer: str
    key: PublicKey


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
class Policy:
    """What an enforcement point asks for in one call beyond the draft's minimum."""

    nonce: str | None = None
    require_pop_aud: bool = False
    require_chain_aud: bool = False
    definition: str | None = None


@dataclass(frozen=True)
class Token:
    """A token of a verified chain."""

    hash: str
    claims: Mapping[str, Json]
    holder: PublicKey
    tools: Tools
    has_entry: bool
    signer: PublicKey


@dataclass(frozen=True)
class VerifiedChain:
    tokens: Sequence[Token]
    caveats: ChainCaveats

    @property
    def leaf(self) -> Token:
        return self.tokens[-1]


@dataclass
class Verifier:
    anchors: Sequence[Anchor]
    #: The identifiers of the enforcement point.
    audience: Collection[str] = ()
    limits: Limits = field(default_factory=Limits)
    profile: Profile | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.anchors) <= MAX_ANCHORS:
            raise ValueError("a verifier takes 1 to 100 trust anchors")

    def verify_chain(self, chain: Sequence[str], now: int) -> VerifiedChain | Denial:
        """Steps 1 to 5. `now` in seconds since the epoch."""
        try:
            return self._chain(chain, now)
        except Denied as denied:
            return denied.denial

    def authorize(self, presentation: Json | Presentation, tool: str, args: str | Json, now: int,
                  policy: Policy = Policy()) -> Denial | None:
        """All steps: None for a permit. Arguments given as text are read strictly, as they were received."""
        try:
            if not isinstance(presentation, Presentation):
                presentation = read_presentation(presentation, self.profile is not None)
            for each in presentation.chains:
                self._call(self._chain(each.chain, now), each.proof, tool, args, now, policy)
        except Denied as denied:
            return denied.denial
        return None

    def _chain(self, chain: Sequence[str], now: int) -> VerifiedChain:
        compacts = self._read(chain)
        tokens: list[Token] = []
        caveats = ChainCaveats()
        for hop, compact in enumerate(compacts):
            try:
                token = self._child(compact, tokens[-1], now) if tokens else self._root(compact, now)
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

    def _header(self, compact: Compact, keys: list[PublicKey], step: str) -> list[PublicKey]:
        """Steps 3a and 4a."""
        header = compact.header
        if header is None:
            raise Denied("token_malformed", step)
        check_kind(header, TOKEN_TYPE, step)
        check_header(header, self.profile, step)
        return fitting_keys(header, keys, step)

    def _root(self, compact: Compact, now: int) -> Token:
        """Step 3."""
        keys = self._header(compact, list(dict.fromkeys(each.key for each in self.anchors)), "3a")
        signers = check_signature(compact, keys, "3b")
        claims = read_claims(compact, "3b")
        check_claim(compact.header or {}, claims, "3")
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
        return Token(compact.hash, claims, holder, capability.read_tools(raw, "3n"), True, signers[0])

    def _child(self, compact: Compact, parent: Token, now: int) -> Token:
        """Step 4."""
        self._header(compact, [parent.holder], "4a")
        check_signature(compact, [parent.holder], "4b")
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
        if claims["iss"] != parent.holder.thumbprint_uri:
            raise Denied("issuer_mismatch", "4c")
        self._depths(depth, deepest, parent)
        parent_iat, parent_exp = integer_of(parent.claims["iat"]), integer_of(parent.claims["exp"])
        if exp > parent_exp:
            raise Denied("expiry_extended", "4h")
        if exp <= now:
            raise Denied("token_expired", "4i")
        if iat < parent_iat:
            raise Denied("issued_before_parent", "4j")
        self._in_force(iat, exp, now, ("4i", "4k", "4l"))
        if depth > deepest:
            raise Denied("depth_exhausted", "4m")
        tools, has_entry = _child_tools(claims["authorization_details"])
        capability.check_narrowing(parent.tools, tools)
        if claims["par_hash"] != parent.hash:
            raise Denied("parent_hash_mismatch", "4q")
        return Token(compact.hash, claims, holder, tools, has_entry, parent.holder)

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

    def _call(self, chain: VerifiedChain, proof: str | None, tool: str, args: str | Json, now: int,
              policy: Policy) -> None:
        """Steps 6 and 7: the signature of the proof before the arguments, as the draft recommends."""
        claims = self._proof(chain.leaf, proof)
        self._entry(chain)
        read = _arguments(args)
        capability.check_call(chain.leaf.tools, tool, read, len(chain.tokens) - 1)
        self._audience(chain, policy)
        chain.caveats.check(self.profile, tool, policy.definition)
        self._proof_claims(chain.leaf, claims, tool, read, now, policy)

    def _entry(self, chain: VerifiedChain) -> None:
        """Step 6a."""
        if not chain.leaf.has_entry:
            raise Denied("leaf_without_capabilities", "6a", len(chain.tokens) - 1)

    def permits(self, chain: VerifiedChain, tool: str, args: Mapping[str, Json] | None) -> Denial | None:
        """Step 6 and the caveats tenant and purpose for a chain that was verified, where arguments are known with them."""
        hop = len(chain.tokens) - 1
        try:
            self._entry(chain)
            if args is not None:
                capability.check_call(chain.leaf.tools, tool, args, hop)
            elif tool not in chain.leaf.tools:
                raise Denied("tool_not_granted", "6b", hop)
        except Denied as denied:
            return denied.denial
        return self.admits(chain)

    def admits(self, chain: VerifiedChain) -> Denial | None:
        """Whether a verified chain may be used at this enforcement point: step 6c, tenant and purpose."""
        try:
            self._audience(chain, Policy())
            chain.caveats.check_place(self.profile)
        except Denied as denied:
            return denied.denial
        return None

    def proves(self, chain: VerifiedChain, proof: str, tool: str, args: Mapping[str, Json], now: int,
               policy: Policy) -> str | Denial:
        """Step 7 without 7i: the `jti` of the proof, or why it is refused."""
        try:
            claims = self._proof(chain.leaf, proof)
            self._proof_claims(chain.leaf, claims, tool, args, now, policy)
        except Denied as denied:
            return denied.denial
        return str(claims["jti"])

    def _audience(self, chain: VerifiedChain, policy: Policy) -> None:
        """Step 6c."""
        named = False
        for hop, token in enumerate(chain.tokens):
            if "aud" not in token.claims:
                continue
            named = True
            audience = token.claims["aud"]
            values = audience if isinstance(audience, list) else [audience]
            if not all(isinstance(each, str) for each in values) or not any(each in self.audience for each in values):
                raise Denied("audience_mismatch", "6c", hop)
        if policy.require_chain_aud and not named:
            raise Denied("audience_required", "6c")

    def _proof(self, leaf: Token, text: str | None) -> dict[str, Json]:
        """Steps 7a and 7b."""
        if text is None:
            raise Denied("proof_missing", "7")
        compact = take_apart(text) if utf16_length(text) <= MAX_PROOF else None
        if compact is None or compact.header is None or compact.payload is None:
            raise Denied("proof_malformed", "7a")
        check_kind(compact.header, PROOF_TYPE, "7a")
        if "crit" in compact.header:
            raise Denied("critical_header_unknown", "7a")
        fitting_keys(compact.header, [leaf.holder], "7a")
        check_signature(compact, [leaf.holder], "7b")
        return read_claims(compact, "7b")

    def _proof_claims(self, leaf: Token, claims: Mapping[str, Json], tool: str, args: Mapping[str, Json], now: int,
                      policy: Policy) -> None:
        """Steps 7c to 7h; 7i needs state, which a verifier has none of."""
        for name in ("jti", "aat_id", "aat_hash", "aat_tool"):
            if not isinstance(claims.get(name), str) or claims[name] == "":
                raise Denied("proof_claim_invalid", "7c")
        iat = integer_of(claims.get("iat"))
        if iat is None or not isinstance(claims.get("hta"), dict):
            raise Denied("proof_claim_invalid", "7c")
        if claims["aat_id"] != leaf.claims["jti"] or claims["aat_hash"] != leaf.hash:
            raise Denied("proof_token_mismatch", "7c")
        if "aat_aud" in claims:
            if not isinstance(claims["aat_aud"], str) or claims["aat_aud"] not in self.audience:
                raise Denied("proof_audience_mismatch", "7d")
        elif policy.require_pop_aud:
            raise Denied("proof_audience_required", "7d")
        if claims["aat_tool"] != tool:
            raise Denied("proof_tool_mismatch", "7e")
        proved = claims["hta"]
        if not all_numbers_admissible(proved) or canonical(proved) != canonical(dict(args)):
            raise Denied("proof_arguments_mismatch", "7f")
        if abs(iat - now) > self.limits.pop_window:
            raise Denied("proof_outside_window", "7g")
        if policy.nonce is not None and claims.get("nonce") != policy.nonce:
            raise Denied("proof_nonce_invalid", "7h")


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


def _arguments(args: str | Json) -> dict[str, Json]:
    if isinstance(args, str):
        if utf16_length(args) > MAX_PROOF:
            raise Denied("arguments_malformed", "6b")
        try:
            args = parse(args)
        except MalformedJson as error:
            raise Denied("arguments_malformed", "6b") from error
    if not isinstance(args, dict):
        raise Denied("arguments_malformed", "6b")
    return args
