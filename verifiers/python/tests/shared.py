"""Where vectors are found: ours in the repository, those of others beside the checkout, where they are."""

from __future__ import annotations

import json
import unittest
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[3]
VECTORS = REPOSITORY / "vectors"
THIRD_PARTY = REPOSITORY.parent / "shared" / "vectors"


def third_party(path: str) -> Path:
    """Skips the test where the folder of third-party vectors is not there."""
    found = THIRD_PARTY / path
    if not found.exists():
        raise unittest.SkipTest(f"../shared/vectors/{path} is not there")
    return found


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))
