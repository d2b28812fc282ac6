"""Judges a bundle under the auditor's trust policy (spec/evidence.md sections 4 and 5)."""

from __future__ import annotations

from ..audit import Event
from ..jws import Compact
from .authentic import JudgedLog, chains_of, judge_log
from .authorized import Authorization
from .bundle import Bundle, BundleRefused, Shown, Withheld, read_bundle, token_of
from .problem import AUTHENTIC, AUTHORIZED, COMPLETE, EvidenceVerdict
from .trust import TrustPolicy


def verify_evidence(text: str | bytes, policy: TrustPolicy, as_of: int | None = None) -> EvidenceVerdict:
    """`as_of` in seconds: nothing that is dated later than 60 seconds after it counts."""
    verdict = EvidenceVerdict()
    try:
        bundle = read_bundle(text)
    except BundleRefused as refused:
        verdict.add(AUTHENTIC, refused.code, refused.path)
        verdict.add(AUTHORIZED, "not_authentic", "")
        verdict.add(COMPLETE, "not_authentic", "")
        return verdict
    tokens = _read_tokens(bundle)
    judged = [judge_log(log, policy, as_of, verdict) for log in bundle.logs]
    authorization = Authorization(policy, tokens, bundle.staples, as_of, verdict)
    for each in judged:
        authorization.judge(each)
    _check_use(bundle, tokens, verdict)
    if not any(log.shown for log in bundle.logs):
        verdict.add(AUTHORIZED, "nothing_shown", "")
    for each in judged:
        _check_complete(each, policy, verdict)
    for origin in policy.required.logs:
        if all(log.origin != origin for log in bundle.logs):
            verdict.add(COMPLETE, "log_not_shown", "", log=origin)
    verdict.logs = [_summary(each) for each in judged]
    return verdict


def _read_tokens(bundle: Bundle) -> dict[str, Compact]:
    """The tokens by hash; of those that are malformed or repeated, `_check_use` speaks."""
    tokens: dict[str, Compact] = {}
    for text in bundle.tokens:
        compact = token_of(text)
        if compact is not None:
            tokens.setdefault(compact.hash, compact)
    return tokens


def _check_use(bundle: Bundle, tokens: dict[str, Compact], verdict: EvidenceVerdict) -> None:
    """Section 5.1, steps 2 and 3: what lines that can be read name, whoever signed them."""
    used: set[str] = set()
    leaves: set[str] = set()
    for log in bundle.logs:
        for event in [item.event for item in log.shown if item.event is not None]:
            named = [chain["token_hashes"] for chain in chains_of(event)]
            leaves.update(hashes[-1] for hashes in named)
            presented = event.value.get("presented_chain")
            if isinstance(presented, dict):
                named.append(presented["token_hashes"])
            for hashes in named:
                if all(each in tokens for each in hashes):
                    used.update(hashes)
    seen: set[str] = set()
    for index, text in enumerate(bundle.tokens):
        compact, path = token_of(text), f"tokens[{index}]"
        if compact is None:
            verdict.add(AUTHENTIC, "token_malformed", path)
        elif compact.hash in seen:
            verdict.add(AUTHENTIC, "token_repeated", path)
        elif compact.hash not in used:
            verdict.add(AUTHENTIC, "token_unused", path)
        if compact is not None:
            seen.add(compact.hash)
    for staple in bundle.staples:
        if staple.leaf not in leaves:
            verdict.add(AUTHENTIC, "staple_unused", staple.path)


def _check_complete(judged: JudgedLog, policy: TrustPolicy, verdict: EvidenceVerdict) -> None:
    """Section 5.4."""
    log, checkpoint = judged.log, judged.checkpoint
    if checkpoint is None:
        verdict.add(COMPLETE, "not_authentic", log.path)
        return
    if checkpoint.size == 0:
        verdict.add(COMPLETE, "log_empty", log.path)
    beyond = any(held.origin == log.origin and held.size > checkpoint.size for held in policy.held_checkpoints)
    if beyond or any(
        judged.emitter is not None and head.emitter == judged.emitter.name and head.sequence > checkpoint.size for head in policy.held_heads
    ):
        verdict.add(COMPLETE, "log_cut_off", log.path)
    sequences = policy.required.sequences
    if sequences is not None and max(sequences[0], sequences[1] or 0) > checkpoint.size:
        verdict.add(COMPLETE, "log_cut_off", log.path)
    good = {item.path for item in judged.good}
    for position, item in enumerate(log.items):
        if isinstance(item, Withheld):
            if _is_run_asked(judged, position, item, policy, good):
                first, last = _asked_part(item, policy)
                verdict.add(COMPLETE, "events_withheld", item.path, first=first, last=last)
        elif item.path not in good and _is_line_asked(item, policy):
            verdict.add(COMPLETE, "not_authentic", item.path)


def _asked_part(run: Withheld, policy: TrustPolicy) -> tuple[int, int]:
    first, last = run.index + 1, run.index + run.count
    if policy.required.sequences is None:
        return first, last
    asked_first, asked_last = policy.required.sequences
    return max(first, asked_first), min(last, asked_last if asked_last is not None else last)


def _is_run_asked(judged: JudgedLog, position: int, run: Withheld, policy: TrustPolicy, good: set[str]) -> bool:
    """Only what an event says that is its emitter's leaves a run out."""
    first, last = _asked_part(run, policy)
    if first > last:
        return False
    if policy.required.time is None:
        return True
    begin, until = policy.required.time
    items = judged.log.items
    before = _event_of(items[position - 1], good) if position > 0 else None
    after = _event_of(items[position + 1], good) if position + 1 < len(items) else None
    if after is not None and after.time < begin:
        return False
    return before is None or before.time < until


def _event_of(item: Shown | Withheld, good: set[str]) -> Event | None:
    return item.event if isinstance(item, Shown) and item.path in good else None


def _is_line_asked(item: Shown, policy: TrustPolicy) -> bool:
    if policy.required.sequences is not None:
        first, last = policy.required.sequences
        return first <= item.index + 1 <= (last if last is not None else item.index + 1)
    return True


def _summary(judged: JudgedLog) -> dict[str, object]:
    shown = [item.index + 1 for item in judged.log.shown]
    return {
        "origin": judged.log.origin,
        "size": judged.checkpoint.size if judged.checkpoint is not None else None,
        "as_of": judged.cosigned_at,
        "first": min(shown, default=None),
        "last": max(shown, default=None),
        "shown": len(shown),
    }
