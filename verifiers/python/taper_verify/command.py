"""The command line: judges chains, calls, audit logs, bundles, suites of vectors, and what the chain fuzzer took down."""

from __future__ import annotations

import argparse
import base64
import json
import sys
import time
from collections.abc import Sequence
from multiprocessing import Pool
from pathlib import Path

from . import audit
from .caveat import Profile
from .comparison import Tally, compare_file
from .denial import Denial, Denied
from .evidence import PolicyError, read_trust_policy, verify_evidence
from .evidence.problem import AUTHENTIC, AUTHORIZED, COMPLETE, PASS
from .hybrid import read_hybrid_key
from .key import KeyRefused, read_public_key
from .presentation import Presentation, read_presentation
from .strict_json import Json, MalformedJson, parse
from .suite import judge_suite
from .verifier import Anchor, Policy, VerifiedChain, Verifier

GOOD, BAD, MISUSE = 0, 1, 2


class Misuse(Exception):
    """What was asked cannot be done."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except (Misuse, PolicyError, OSError) as error:
        print(f"taper_verify: {error}", file=sys.stderr)
        return MISUSE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m taper_verify", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    chain = commands.add_parser("chain", help="verify a chain (draft section 8, steps 1 to 5)")
    chain.add_argument("file", help="a presentation, or a JSON array of tokens; - for standard input")
    _trust_options(chain)
    chain.set_defaults(run=_chain)

    authorize = commands.add_parser("authorize", help="judge a call (all steps)")
    authorize.add_argument("file", help="a presentation as JSON; - for standard input")
    _trust_options(authorize)
    authorize.add_argument("--tool", required=True)
    authorize.add_argument("--args", required=True, help="the arguments as JSON text, as they were received")
    authorize.add_argument("--audience", action="append", default=[], help="identifier of this enforcement point")
    authorize.add_argument("--nonce")
    authorize.add_argument("--definition", help="hash of the tool's definition as it is now")
    authorize.add_argument("--require-audience", action="store_true", help="the proof has to name this enforcement point")
    authorize.set_defaults(run=_authorize)

    log = commands.add_parser("audit", help="verify the audit log of an enforcement point (spec/audit.md)")
    log.add_argument("file")
    log.add_argument("--key", required=True, help="file with the emitter's public key (JWK)")
    log.add_argument("--head", help="file with a head that was kept elsewhere")
    log.set_defaults(run=_audit)

    bundle = commands.add_parser("bundle", help="verify an evidence bundle (spec/evidence.md)")
    bundle.add_argument("file")
    bundle.add_argument("--trust", required=True, help="the auditor's trust policy")
    bundle.add_argument("--as-of", type=int, help="seconds since the epoch; default: no such bound")
    bundle.set_defaults(run=_bundle)

    bundles = commands.add_parser("bundles", help="verify many: JSON lines of {bundle, trust, as_of}, base64 and JSON")
    bundles.add_argument("file")
    bundles.set_defaults(run=_bundles)

    suite = commands.add_parser("suite", help="judge suites of vectors (vectors/README.md)")
    suite.add_argument("files", nargs="+")
    suite.set_defaults(run=_suite)

    compare = commands.add_parser("compare", help="judge what the chain fuzzer took down (--emit)")
    compare.add_argument("files", nargs="+")
    compare.add_argument("--workers", type=int, default=2)
    compare.set_defaults(run=_compare)
    return parser


def _trust_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--anchors", required=True, help="anchors file (docs/cli.md)")
    parser.add_argument("--now", type=int, help="seconds since the epoch; default: the clock")
    parser.add_argument("--profile", action="store_true", help="understand the profile `taper` (spec/profile.md)")
    parser.add_argument("--tenant", help="the tenant that is served; implies --profile")
    parser.add_argument("--purpose", help="the purpose that is served; implies --profile")


def _read(path: str) -> Json:
    data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    try:
        return parse(data)
    except MalformedJson as error:
        raise Misuse(f"{path}: {error}") from error


def _verifier(options: argparse.Namespace, audience: Sequence[str] = ()) -> Verifier:
    given = _read(options.anchors)
    if isinstance(given, dict):
        given = given.get("trust_anchors")
    if not isinstance(given, list):
        raise Misuse("anchors: not a list of anchors")
    anchors = []
    for each in given:
        known = isinstance(each, dict) and {"iss", "jwk"} <= set(each) <= {"iss", "jwk", "hybrid"}
        if not known or not isinstance(each["iss"], str):
            raise Misuse("anchors: an anchor has the members iss and jwk, perhaps hybrid, and no other")
        try:
            second = read_hybrid_key(each["hybrid"]) if "hybrid" in each else None
            anchors.append(Anchor(each["iss"], read_public_key(each["jwk"]), second))
        except KeyRefused as refused:
            raise Misuse(f"anchors: key {refused.problem}") from refused
        except ValueError as error:
            raise Misuse(f"anchors: {error}") from error
    knows = options.profile or options.tenant is not None or options.purpose is not None
    profile = Profile(options.tenant, options.purpose) if knows else None
    try:
        return Verifier(anchors, tuple(audience), profile=profile)
    except ValueError as error:
        raise Misuse(str(error)) from error


def _now(options: argparse.Namespace) -> int:
    return int(time.time()) if options.now is None else options.now


def _presentation(options: argparse.Namespace, verifier: Verifier) -> Presentation:
    given = _read(options.file)
    return read_presentation({"aat_chain": given} if isinstance(given, list) else given, verifier.profile is not None)


def _report_denial(denial: Denial) -> int:
    step = f" at step {denial.step}" if denial.step else ""
    hop = "" if denial.hop is None else f", token {denial.hop}"
    print(f"DENY {denial.code}{step}{hop}")
    return BAD


def _chain(options: argparse.Namespace) -> int:
    verifier = _verifier(options)
    try:
        chains = _presentation(options, verifier).chains
    except Denied as denied:
        return _report_denial(denied.denial)
    for each in chains:
        verdict = verifier.verify_chain(each.chain, _now(options))
        if not isinstance(verdict, VerifiedChain):
            return _report_denial(verdict)
        holders = " → ".join(token.holder.thumbprint for token in verdict.tokens)
        print(f"VERIFIED {len(verdict.tokens)} tokens: {holders}; leaf {verdict.leaf.hash}")
    return GOOD


def _authorize(options: argparse.Namespace) -> int:
    verifier = _verifier(options, options.audience)
    policy = Policy(
        nonce=options.nonce, require_pop_aud=options.require_audience, definition=options.definition
    )
    try:
        presentation = _presentation(options, verifier)
    except Denied as denied:
        return _report_denial(denied.denial)
    denial = verifier.authorize(presentation, options.tool, options.args, _now(options), policy)
    if denial is not None:
        return _report_denial(denial)
    print("PERMIT (state is not asked: replay, budgets, approvals, revocation)")
    return GOOD


def _audit(options: argparse.Namespace) -> int:
    try:
        key = read_public_key(_read(options.key))
    except KeyRefused as refused:
        raise Misuse(f"key {refused.problem}") from refused
    head = None if options.head is None else _read(options.head)
    verdict = audit.verify_log_bytes(Path(options.file).read_bytes(), key, head)
    for problem in verdict.problems:
        print(f"line {problem.line}: {problem.code}")
    if not verdict.intact:
        return BAD
    proved = "the end is not proved" if verdict.proved_through is None else f"proved through {verdict.proved_through}"
    print(f"INTACT {len(verdict.events)} events; {proved}")
    return GOOD


def _bundle(options: argparse.Namespace) -> int:
    policy = read_trust_policy(Path(options.trust).read_bytes())
    verdict = verify_evidence(Path(options.file).read_bytes(), policy, options.as_of)
    print(json.dumps(verdict.report(), indent=2, ensure_ascii=True))
    return GOOD if all(verdict.of(each) == PASS for each in (AUTHENTIC, AUTHORIZED, COMPLETE)) else BAD


def _bundles(options: argparse.Namespace) -> int:
    """One report in a line for each line of the file; for other implementations to compare with."""
    for line in Path(options.file).read_text("utf-8").splitlines():
        given = json.loads(line)
        policy = read_trust_policy(json.dumps(given["trust"]))
        verdict = verify_evidence(base64.b64decode(given["bundle"]), policy, given.get("as_of"))
        print(json.dumps(verdict.report(), ensure_ascii=True))
    return GOOD


def _suite(options: argparse.Namespace) -> int:
    differs = 0
    for name in options.files:
        judged = list(judge_suite(Path(name)))
        for each in judged:
            if each.is_beyond_this_machine:
                print(f"NOT CHECKED {each.vector['id']}: this version of cryptography has no ML-DSA, so it is refused here")
            elif not each.agrees:
                differs += 1
                print(f"DIFFERS {each.vector['id']}: {each.vector['expected']['verdict']}, here {each.verdict}")
        exact = sum(each.agrees_exactly for each in judged)
        print(f"{name}: {len(judged)} vectors, {sum(each.agrees for each in judged)} verdicts agree, {exact} also in code, step and hop")
    return BAD if differs else GOOD


def _compare(options: argparse.Namespace) -> int:
    tally = Tally()
    shares = [(Path(name), first, options.workers) for name in options.files for first in range(options.workers)]
    if options.workers == 1:
        for share in shares:
            tally.add(compare_file(*share))
    else:
        with Pool(options.workers) as pool:
            for each in pool.starmap(compare_file, shares, chunksize=1):
                tally.add(each)
    for difference in tally.verdicts[:20] + tally.reasons[:20]:
        print(f"DIFFERS {difference}")
    print(
        f"{tally.chains} chains, {tally.permits} permitted: {len(tally.verdicts)} verdicts differ, "
        f"{len(tally.reasons)} reasons differ, {tally.latitude} where the specifications leave it open which comes first"
    )
    return BAD if tally.verdicts or tally.reasons or tally.chains == 0 else GOOD
