"""Authorization: draft section 8, steps 6 to 8, on a chain that was verified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import capability
from .chain import Anchor, ChainVerifier, Limits, Token, VerifiedChain
from .denial import Denial, Denied
from .jcs import canonical
from .jws import check_kind, check_signature, fitting_keys, read_claims, take_apart
from .presentation import Presentation, read_presentation
from .rotation import Rotation, check_time
from .strict_json import Json, MalformedJson, all_numbers_admissible, integer_of, parse, utf16_length

__all__ = ["Anchor", "Limits", "Policy", "Token", "VerifiedChain", "Verifier"]

PROOF_TYPE = "aat-pop+jwt"
MAX_PROOF = 2**20


@dataclass(frozen=True)
class Policy:
    """What an enforcement point asks for in one call beyond the draft's minimum."""

    nonce: str | None = None
    require_pop_aud: bool = False
    require_chain_aud: bool = False
    definition: str | None = None


@dataclass
class Verifier(ChainVerifier):
    """Judges chains and calls; remembers nothing."""

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

    def _call(self, chain: VerifiedChain, proof: str | None, tool: str, args: str | Json, now: int,
              policy: Policy) -> None:
        """Steps 6 and 7: the signature of the proof before the arguments, as the draft recommends."""
        claims, rotations = self._proof(chain, proof)
        self._entry(chain)
        read = _arguments(args)
        capability.check_call(chain.leaf.tools, tool, read, len(chain.tokens) - 1)
        self._audience(chain, policy)
        chain.caveats.check(self.profile, tool, policy.definition)
        self._proof_claims(chain.leaf, claims, tool, read, now, policy, rotations)

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
               policy: Policy) -> tuple[str, Sequence[Rotation]] | Denial:
        """Step 7 without 7i: the `jti` of the proof and the statements that it carries, or why it is refused."""
        try:
            claims, rotations = self._proof(chain, proof)
            self._proof_claims(chain.leaf, claims, tool, args, now, policy, rotations)
        except Denied as denied:
            return denied.denial
        return str(claims["jti"]), rotations

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

    def _proof(self, chain: VerifiedChain, text: str | None) -> tuple[dict[str, Json], Sequence[Rotation]]:
        """Steps 7a and 7b."""
        if text is None:
            raise Denied("proof_missing", "7")
        compact = take_apart(text) if utf16_length(text) <= MAX_PROOF else None
        if compact is None or compact.header is None or compact.payload is None:
            raise Denied("proof_malformed", "7a")
        check_kind(compact.header, PROOF_TYPE, "7a")
        if "crit" in compact.header:
            raise Denied("critical_header_unknown", "7a")
        signer, rotations = self.acting(compact.header, chain.tokens)
        check_signature(compact, fitting_keys(compact.header, [signer], "7a"), "7b")
        return read_claims(compact, "7b"), rotations

    def _proof_claims(self, leaf: Token, claims: Mapping[str, Json], tool: str, args: Mapping[str, Json], now: int,
                      policy: Policy, rotations: Sequence[Rotation]) -> None:
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
        check_time(rotations, iat)
        if policy.nonce is not None and claims.get("nonce") != policy.nonce:
            raise Denied("proof_nonce_invalid", "7h")


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
