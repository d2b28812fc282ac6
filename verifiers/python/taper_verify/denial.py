"""A denial: the code of spec/denials.json, the step of draft section 8, and the token at fault."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Denial:
    code: str
    step: str | None = None
    hop: int | None = None


class Denied(Exception):
    """Carries a denial up to where the verdict is given."""

    def __init__(self, code: str, step: str | None = None, hop: int | None = None) -> None:
        super().__init__(code)
        self.denial = Denial(code, step, hop)
