"""What a token grants (draft section 3.3): constraint maps, their narrowing (section 4.5) and the check of a call."""

from __future__ import annotations

from collections.abc import Mapping

from .constraint import (
    Constraint,
    Count,
    Malformed,
    TooDeep,
    TooMany,
    UnknownType,
    Wildcard,
    read_constraint,
)
from .denial import Denied
from .effort import Effort, TooCostly
from .strict_json import Json, all_numbers_admissible

ENTRY_TYPE = "attenuating_agent_token"
MAX_CONSTRAINTS = 256
COMPARE_LIMIT = 16_384
CHECK_LIMIT = 32_768

ConstraintMap = Mapping[str, Constraint]
Tools = Mapping[str, ConstraintMap]

_OPEN: ConstraintMap = {"*": Wildcard({})}


def entries_of(details: Json) -> list[dict[str, Json]] | None:
    """The AAT entries of `authorization_details`; None when it holds something that is no typed object."""
    if not isinstance(details, list):
        return None
    if not all(isinstance(each, dict) and isinstance(each.get("type"), str) for each in details):
        return None
    return [each for each in details if each["type"] == ENTRY_TYPE]


def raw_tools(entry: Mapping[str, Json]) -> dict[str, dict[str, Json]] | None:
    tools = entry.get("tools")
    if not isinstance(tools, dict) or not all(isinstance(each, dict) for each in tools.values()):
        return None
    return tools


def read_tools(raw: Mapping[str, Mapping[str, Json]], step: str) -> Tools:
    """Steps 3n and 4o."""
    return {tool: _read_map(given, step) for tool, given in raw.items()}


def _read_map(given: Mapping[str, Json], step: str) -> ConstraintMap:
    count = Count(MAX_CONSTRAINTS)
    made = {}
    try:
        for name, each in given.items():
            constraint = read_constraint(each, count)
            if name == "*" and (not isinstance(constraint, Wildcard) or "optional" in each):
                raise Malformed("*")
            made[name] = constraint
    except UnknownType as error:
        raise Denied("constraint_unknown", step) from error
    except TooDeep as error:
        raise Denied("constraint_too_deep", step) from error
    except TooMany as error:
        raise Denied("constraint_too_many", step) from error
    except Malformed as error:
        raise Denied("constraint_malformed", step) from error
    return made or _OPEN


def check_narrowing(parent: Tools, child: Tools) -> None:
    """Step 4p; raises Denied."""
    if any(tool not in parent for tool in child):
        raise Denied("tool_added", "4p1")
    effort = Effort(COMPARE_LIMIT)
    for tool, below in child.items():
        _check_map(parent[tool], below, effort)


def _check_map(above: ConstraintMap, below: ConstraintMap, effort: Effort) -> None:
    if not _keys_narrow(above, below):
        raise Denied("argument_keys_widened", "4p2")
    if any(name in above and each.optional and not above[name].optional for name, each in below.items()):
        raise Denied("argument_made_optional", "4p3")
    for name, each in below.items():
        bound = above.get(name) or above["*"]
        try:
            effort.compare(bound, each)
        except TooCostly as error:
            raise Denied("constraint_too_costly", "4p4") from error
        if not bound.subsumes(each):
            raise Denied("constraint_widened", "4p4")


def _keys_narrow(parent: ConstraintMap, child: ConstraintMap) -> bool:
    if "*" not in parent and any(name not in parent for name in child):
        return False
    return all(name in child or (each.optional and "*" not in child) for name, each in parent.items() if name != "*")


def check_call(tools: Tools, tool: str, args: Mapping[str, Json], leaf: int) -> None:
    """Step 6b; raises Denied."""
    if tool not in tools:
        raise Denied("tool_not_granted", "6b", leaf)
    if not all_numbers_admissible(dict(args)):
        raise Denied("argument_number_inadmissible", "6b")
    granted = tools[tool]
    effort = Effort(CHECK_LIMIT)
    for name, value in args.items():
        constraint = granted.get(name) if name != "*" else None
        if constraint is None:
            constraint = granted.get("*")
        if constraint is None:
            raise Denied("argument_unexpected", "6b", leaf)
        try:
            effort.check(constraint, value)
        except TooCostly as error:
            raise Denied("constraint_too_costly", "6b", leaf) from error
        if not constraint.check(value):
            raise Denied("argument_refused", "6b", leaf)
    if any(name != "*" and not each.optional and name not in args for name, each in granted.items()):
        raise Denied("argument_missing", "6b", leaf)
