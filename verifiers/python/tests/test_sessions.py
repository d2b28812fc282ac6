"""Sessions: vectors/session (spec/session.md)."""

import unittest

from taper_verify import base64url
from taper_verify.denial import Denial
from taper_verify.key import read_public_key
from taper_verify.session import (
    SequenceWindow,
    SessionRefused,
    check_finish,
    check_welcome,
    derive_keys,
    finish_hash,
    read_finish,
    read_hello,
    read_request,
    read_welcome,
    request_is_authentic,
    welcome_hash,
)
from taper_verify.strict_json import integer_of, parse
from taper_verify.verifier import Anchor, Verifier

from .shared import VECTORS


class Scene:
    """What both sides of a handshake know."""

    def __init__(self, name: str) -> None:
        self.suite = parse((VECTORS / f"session/{name}.json").read_bytes())
        self.now = integer_of(self.suite["now"])
        anchors = [Anchor(each["issuer"], read_public_key(each["jwk"])) for each in self.suite["trust_anchors"]]
        self.verifier = Verifier(anchors, (self.suite["audience"],))
        self.responder = read_public_key(self.suite["responder_jwk"])
        self.holders = [read_public_key(each) for each in self.suite["holder_jwks"]]
        self.hello, self.welcome = read_hello(self.suite["hello"]), read_welcome(self.suite["welcome"])
        self.welcomed = welcome_hash(self.hello, self.welcome)
        self.secrets = {name: base64url.decode(each) for name, each in self.suite["secrets"].items()}
        self.keys = derive_keys(self.secrets["responder_share"], self.hello.share, self.welcomed)
        chains = [self.verifier.verify_chain(chain, self.now) for chain in self.hello.chains]
        self.latest = min(integer_of(token.claims["exp"]) for chain in chains for token in chain.tokens)
        self.chains = chains

    def on_hello(self, given) -> str:
        hello = read_hello(given)
        if hello.audience != self.suite["audience"]:
            raise SessionRefused("session_handshake_refused")
        leaves = []
        for chain in hello.chains:
            found = self.verifier.verify_chain(chain, self.now)
            if isinstance(found, Denial):
                return found.code
            denial = self.verifier.admits(found)
            if denial is not None:
                return denial.code
            leaves.append(found.leaf.hash)
        if len(set(leaves)) != len(leaves):
            return "join_malformed"
        if derive_keys(self.secrets["responder_share"], hello.share, bytes(32)) is None:
            raise SessionRefused("session_handshake_refused")
        return "answered"

    def on_welcome(self, given) -> str:
        try:
            welcome = read_welcome(given)
        except SessionRefused:
            return "refused"
        private = self.secrets["initiator_share"]
        keys = check_welcome(self.hello, welcome, self.responder, private, self.now, self.latest)
        return "refused" if keys is None else "completed"

    def on_finish(self, given) -> str:
        check_finish(read_finish(given), self.welcome, self.welcomed, self.keys, self.holders)
        return "open"

    def answer(self, message: str, given) -> str:
        try:
            return {"hello": self.on_hello, "welcome": self.on_welcome, "finish": self.on_finish}[message](given)
        except SessionRefused as refused:
            return refused.code


class Sessions(unittest.TestCase):
    def scenes(self):
        for name in ("ed25519", "joined"):
            with self.subTest(name):
                yield Scene(name)

    def test_what_is_computed_on_the_way(self) -> None:
        for scene in self.scenes():
            steps = scene.suite["steps"]
            finished = finish_hash(scene.welcomed, scene.welcome)
            self.assertEqual(base64url.encode(scene.welcomed), steps["welcome_hash"])
            self.assertEqual(base64url.encode(finished), steps["finish_hash"])
            for name, key in (
                ("responder_confirmation_key", scene.keys.responder),
                ("initiator_confirmation_key", scene.keys.initiator),
                ("request_key", scene.keys.request),
            ):
                self.assertEqual(base64url.encode(key), steps[name])

    def test_what_becomes_of_messages(self) -> None:
        for scene in self.scenes():
            self.assertGreater(len(scene.suite["attempts"]), 40)
            for each in scene.suite["attempts"]:
                with self.subTest(each["id"]):
                    self.assertEqual(scene.answer(each["message"], each["given"]), each["expected"])

    def test_what_becomes_of_requests(self) -> None:
        for scene in self.scenes():
            window = SequenceWindow()
            for each in scene.suite["requests"]:
                with self.subTest(each["id"]):
                    self.assertEqual(self.request(scene, window, each), each["expected"])

    def request(self, scene: Scene, window: SequenceWindow, each) -> str:
        try:
            request = read_request(each["request"])
            if request.session != scene.welcome.session:
                raise SessionRefused("session_unknown")
            if integer_of(each["now"]) >= scene.welcome.expires:
                raise SessionRefused("session_expired")
            if not request_is_authentic(request, scene.keys, each["tool"], each["args_json"]):
                raise SessionRefused("session_mac_invalid")
            if each["tool"] not in scene.welcome.tools:
                raise SessionRefused("session_tool_not_allowed")
            window.check(request.sequence)
        except SessionRefused as refused:
            return refused.code
        for chain in scene.chains:
            denial = scene.verifier.permits(chain, each["tool"], parse(each["args_json"]))
            if denial is not None:
                return denial.code
        window.use(request.sequence)
        return "permit"


if __name__ == "__main__":
    unittest.main()
