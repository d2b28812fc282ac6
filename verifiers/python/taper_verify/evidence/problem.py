"""The verdict on a bundle: three words, the problems behind them, and what they speak for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

AUTHENTIC, AUTHORIZED, COMPLETE = "authentic", "authorized", "complete"
FAIL, NOT_SHOWN, PASS = "fail", "not_shown", "pass"

#: Section 6: the outcome of each code that does not fail.
_NOT_SHOWN = {
    "held_unproved", "not_authentic", "anchors_missing", "nothing_shown", "tokens_not_shown", "decision_not_shown",
    "session_not_shown", "tool_not_shown", "arguments_not_shown", "proof_not_shown", "revocation_not_shown",
    "revocation_undecided", "events_withheld", "log_not_shown",
}


@dataclass(frozen=True)
class Problem:
    verdict: str
    code: str
    path: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        return NOT_SHOWN if self.code in _NOT_SHOWN else FAIL

    def report(self) -> dict[str, Any]:
        named = {"verdict": self.verdict, "outcome": self.outcome, "code": self.code, "path": self.path}
        return {**named, **self.facts}


@dataclass
class EvidenceVerdict:
    problems: list[Problem] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)
    logs: list[dict[str, Any]] = field(default_factory=list)
    #: By path of the event: the time as of which its chains were not revoked.
    revocation_as_of: dict[str, int] = field(default_factory=dict)
    without: dict[str, int] = field(default_factory=lambda: {"arguments": 0, "proofs": 0, "revocation": 0})

    def add(self, verdict: str, code: str, path: str, **facts: Any) -> None:
        self.problems.append(Problem(verdict, code, path, {name: each for name, each in facts.items() if each is not None}))

    def of(self, verdict: str) -> str:
        outcomes = {each.outcome for each in self.problems if each.verdict == verdict}
        return FAIL if FAIL in outcomes else NOT_SHOWN if outcomes else PASS

    def report(self) -> dict[str, Any]:
        return {
            **{name: self.of(name) for name in (AUTHENTIC, AUTHORIZED, COMPLETE)},
            "problems": [each.report() for each in self.problems[:100]],
            "problem_count": len(self.problems),
            "notices": self.notices,
            "logs": self.logs,
            "revocation_as_of": self.revocation_as_of,
            "least_revocation_as_of": min(self.revocation_as_of.values(), default=None),
            "calls_without": self.without,
        }
