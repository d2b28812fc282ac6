"""Judges suites of vectors (vectors/README.md), ours and those of the draft's authors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .caveat import Profile
from .denial import Denial, Denied
from .hybrid import mldsa, read_hybrid_key
from .key import read_public_key
from .presentation import Presentation, PresentedChain, read_presentation_text
from .strict_json import parse
from .verifier import Anchor, Limits, Policy, Verifier


@dataclass(frozen=True)
class Judged:
    """One vector and what became of it."""

    vector: Mapping[str, Any]
    denial: Denial | None

    @property
    def verdict(self) -> str:
        return "PERMIT" if self.denial is None else "DENY"

    @property
    def is_beyond_this_machine(self) -> bool:
        """Whether it is refused only because nothing here can check a second signature."""
        return not self.agrees and mldsa is None and self.denial is not None and self.denial.code == "hybrid_signature_invalid"

    @property
    def agrees(self) -> bool:
        return self.verdict == self.vector["expected"]["verdict"]

    @property
    def agrees_exactly(self) -> bool:
        """Also in code, step and hop."""
        expected, denial = self.vector["expected"], self.denial or Denial(None)  # type: ignore[arg-type]
        return self.agrees and (denial.code, denial.step, denial.hop) == tuple(
            expected.get(name) for name in ("code", "step", "hop")
        )


def judge_suite(path: Path) -> Iterator[Judged]:
    """Every vector of a file, each by a verifier of its own."""
    suite = json.loads(path.read_text("utf-8"))
    params = suite["params"]
    anchors = [
        Anchor(
            each["iss"],
            read_public_key(parse(json.dumps(each["jwk"]))),
            read_hybrid_key(each["hybrid"]) if "hybrid" in each else None,
        )
        for each in suite["trust_anchors"]
    ]
    limits = Limits(
        delegation_depth=params["max_delegation_depth"],
        iat_skew=params["max_iat_skew"],
        token_lifetime=params["max_token_lifetime"],
        pop_window=params["pop_window"],
    )
    for vector in [*suite["vectors"], *suite.get("presentations", [])]:
        policy = vector.get("policy") or {}
        profile = Profile(**policy["profile"]) if "profile" in policy else None
        verifier = Verifier(anchors, (params["audience"],), limits, profile)
        yield Judged(vector, _judge(verifier, vector, policy, params))


def _judge(verifier: Verifier, vector: Mapping[str, Any], policy: Mapping[str, Any], params: Mapping[str, Any]
           ) -> Denial | None:
    asked = Policy(
        nonce=policy.get("nonce"),
        require_pop_aud=policy.get("require_pop_aud", False),
        require_chain_aud=policy.get("require_chain_aud", False),
        definition=policy.get("definition"),
    )
    try:
        if "presentation_json" in vector:
            presentation = read_presentation_text(vector["presentation_json"], verifier.profile is not None)
        else:
            presentation = Presentation([PresentedChain(vector["chain"], vector["pop"])])
    except Denied as denied:
        return denied.denial
    now = vector.get("now", params["now"])
    return verifier.authorize(presentation, vector["tool"], vector["args_json"], now, asked)
