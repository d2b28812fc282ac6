"""Section 5.2: what is shown is what these emitters wrote, in its place in logs that are the auditor's."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from .. import base64url
from ..audit import FIRST_PREVIOUS, Event, event_is_signed
from ..checkpoint import Checkpoint, LogProblem, verify_checkpoint
from ..jcs import canonical
from ..merkle import Frontier, aligned_subtrees, leaf_hash, verify_consistency
from ..strict_json import Json, MalformedJson, parse
from .bundle import BundleLog, Opening, Shown, Withheld, run_is_whole
from .problem import AUTHENTIC, EvidenceVerdict
from .trust import Emitter, TrustPolicy

MAX_LINE = 65_535
SKEW = 60


@dataclass
class JudgedLog:
    """A log of the bundle and what of it holds."""

    log: BundleLog
    emitter: Emitter | None = None
    #: Set only when the note verifies and the items give its root.
    checkpoint: Checkpoint | None = None
    #: Latest time of a cosignature that counts.
    cosigned_at: int | None = None
    #: Entries whose own checks hold (steps 3 and 4); authentic where the log is proved as well.
    good: list[Shown] = field(default_factory=list)
    #: Arguments by path of the item, where the opening holds.
    arguments: dict[str, dict[str, Json]] = field(default_factory=dict)
    earlier: dict[int, bytes] = field(default_factory=dict)


def judge_log(log: BundleLog, policy: TrustPolicy, as_of: int | None, verdict: EvidenceVerdict) -> JudgedLog:
    judged = JudgedLog(log)
    problem = _check_log(judged, policy, as_of)
    if problem is not None:
        code, path, facts = problem
        verdict.add(AUTHENTIC, code, path, **facts)
    judged.emitter = policy.emitters.get(log.origin)
    if judged.emitter is None:
        verdict.add(AUTHENTIC, "emitter_unknown", log.path)
    _check_lines(judged, as_of, verdict)
    if judged.checkpoint is not None:
        _check_earlier(judged, policy, as_of, verdict)
        _check_held(judged, policy, verdict)
    return judged


def _check_log(judged: JudgedLog, policy: TrustPolicy, as_of: int | None) -> tuple[str, str, dict] | None:
    """Steps 1 to 3."""
    log = judged.log
    trust = policy.logs.get(log.origin)
    if trust is None:
        return "log_unknown", f"{log.path}.checkpoint", {}
    try:
        checkpoint = verify_checkpoint(log.note, trust, as_of)
    except LogProblem as problem:
        return "checkpoint_invalid", f"{log.path}.checkpoint", {"problem": problem.code}
    if log.size != checkpoint.size:
        return "size_mismatch", f"{log.path}.items", {}
    for item in log.items:
        if isinstance(item, Withheld) and not run_is_whole(item):
            return "bundle_malformed", f"{item.path}.hashes", {}
    if root_at(log, log.size) != checkpoint.root:
        return "root_mismatch", f"{log.path}.items", {}
    judged.checkpoint = checkpoint
    judged.cosigned_at = max((time for _, time in checkpoint.cosigners), default=None)
    return None


def root_at(log: BundleLog, size: int) -> bytes | None:
    """The root of the first entries; None where a withheld subtree lies across the end of them."""
    frontier = Frontier()
    for item in log.items:
        if frontier.size == size:
            break
        if isinstance(item, Shown):
            frontier.append(leaf_hash(item.line.encode("utf-8")))
            continue
        for leaves, each in zip(aligned_subtrees(item.index, item.count), item.hashes):
            if frontier.size == size:
                break
            if frontier.size + leaves > size:
                return None
            frontier.append(each, leaves)
    return frontier.root() if frontier.size == size else None


def _check_lines(judged: JudgedLog, as_of: int | None, verdict: EvidenceVerdict) -> None:
    """Steps 4 and 5. `before` is the last entry that the emitter signed, whatever else is wrong with it."""
    before: Shown | None = None
    for item in judged.log.shown:
        if judged.emitter is None or item.event is None:
            if item.event is None:
                verdict.add(AUTHENTIC, "line_malformed", item.path)
            continue
        code = _line_problem(item, item.event, before, judged, judged.emitter, as_of)
        if code is None:
            judged.good.append(item)
            if before is not None and before.event is not None and item.event.time < before.event.time:
                verdict.notices.append({"code": "time_stepped_back", "path": item.path})
            _open(judged, item, item.event, verdict)
        else:
            verdict.add(AUTHENTIC, code, item.path)
        if code not in ("line_malformed", "emitter_mismatch", "signature_invalid"):
            before = item


def _open(judged: JudgedLog, item: Shown, event: Event, verdict: EvidenceVerdict) -> None:
    """Step 5."""
    if item.opening is None:
        return
    code = _opening_problem(event, item.opening)
    if code is None:
        judged.arguments[item.path] = _arguments(item.opening) or {}
    else:
        verdict.add(AUTHENTIC, code, f"{item.path}.opening")


def _line_problem(item: Shown, event: Event, before: Shown | None, judged: JudgedLog, emitter: Emitter,
                  as_of: int | None) -> str | None:
    if len(item.line.encode("utf-8")) > MAX_LINE:
        return "line_malformed"
    if event.emitter != emitter.name:
        return "emitter_mismatch"
    if not event_is_signed(event, emitter.key):
        return "signature_invalid"
    if event.sequence != item.index + 1:
        return "sequence_mismatch"
    if not _follows(event, item.index, before):
        return "chain_broken"
    if event.value["enforcement_point"] not in emitter.enforcement_points:
        return "enforcement_point_unknown"
    if not emitter.span.holds(event.time) or (emitter.last_sequence or event.sequence) < event.sequence:
        return "emitter_not_valid"
    if any(time is not None and event.time > time + SKEW for time in (judged.cosigned_at, as_of)):
        return "time_ahead"
    return None


def _follows(event: Event, index: int, before: Shown | None) -> bool:
    if index == 0:
        return event.value["previous_hash"] == FIRST_PREVIOUS
    if before is None or before.index != index - 1 or before.event is None:
        return True
    return event.value["previous_hash"] == before.event.hash


def chains_of(event: Event) -> list[dict[str, Json]]:
    """How the event describes the chains of a caller: the first in the event itself."""
    if "token_hashes" not in event.value:
        return []
    joined = event.value.get("joined_chains", [])
    return [dict(event.value), *(each for each in joined if isinstance(each, dict))] if isinstance(joined, list) else []


def _opening_problem(event: Event, opening: Opening) -> str | None:
    if "arguments_hash" not in event.value:
        return "opening_unexpected"
    if opening.proofs is not None:
        allowed = event.value["decision"] == "permit" and "session" not in event.value
        if not allowed or len(opening.proofs) != len(chains_of(event)):
            return "opening_unexpected"
    salt = base64url.decode(opening.salt)
    if salt is None:
        return "opening_mismatch"
    committed = base64url.encode(hashlib.sha256(salt + opening.arguments.encode("utf-8")).digest())
    if committed != event.value["arguments_hash"] or _arguments(opening) is None:
        return "opening_mismatch"
    return None


def _arguments(opening: Opening) -> dict[str, Json] | None:
    try:
        arguments = parse(opening.arguments)
        is_canonical = isinstance(arguments, dict) and canonical(arguments) == opening.arguments
    except ValueError:  # not JSON, or a number that no double holds
        return None
    return arguments if is_canonical and isinstance(arguments, dict) else None


def _check_earlier(judged: JudgedLog, policy: TrustPolicy, as_of: int | None, verdict: EvidenceVerdict) -> None:
    """Step 6."""
    checkpoint, size = judged.checkpoint, 0
    if checkpoint is None:
        return
    for each in judged.log.earlier:
        try:
            earlier = verify_checkpoint(each.note, policy.logs[judged.log.origin], as_of)
        except LogProblem as problem:
            verdict.add(AUTHENTIC, "earlier_invalid", f"{each.path}.checkpoint", problem=problem.code)
            continue
        rises = size < earlier.size < checkpoint.size
        if not rises or not verify_consistency(earlier.size, earlier.root, checkpoint.size, checkpoint.root, each.proof):
            verdict.add(AUTHENTIC, "earlier_inconsistent", each.path)
        else:
            judged.earlier[earlier.size] = earlier.root
        size = earlier.size


def _check_held(judged: JudgedLog, policy: TrustPolicy, verdict: EvidenceVerdict) -> None:
    """Steps 7 and 8, of what does not lie beyond the end."""
    log, checkpoint = judged.log, judged.checkpoint
    if checkpoint is None:
        return
    for held in policy.held_checkpoints:
        if held.origin != log.origin or held.size > checkpoint.size:
            continue
        root = root_at(log, held.size)
        root = judged.earlier.get(held.size) if root is None else root
        if root is None:
            verdict.add(AUTHENTIC, "held_unproved", log.path, size=held.size)
        elif root != held.root:
            verdict.add(AUTHENTIC, "held_forked", log.path, size=held.size)
    if judged.emitter is None:
        return
    shown = {item.index + 1: item for item in log.shown}
    for head in policy.held_heads:
        if head.emitter != judged.emitter.name or head.sequence > checkpoint.size:
            continue
        item = shown.get(head.sequence)
        if item is None:
            verdict.add(AUTHENTIC, "held_unproved", log.path, sequence=head.sequence)
        elif item.event is None or item.event.hash != head.hash:
            verdict.add(AUTHENTIC, "held_forked", log.path, sequence=head.sequence)
