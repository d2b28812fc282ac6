import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hash,
  hkdfSync,
  verify as verifyBytes,
} from 'node:crypto';
import { join } from 'node:path';
import { createVerifier, importPublicKey, TaperError } from '@taper/core';
import { CAST, present, TEST_TIME, type TestKey, testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import {
  createEnforcementPoint,
  createSessionTable,
  type EnforcementPoint,
  type InitiatorSession,
  initiateSession,
} from '../../src/index.ts';
import { flip, type Message, overWire, reasonOf } from './parties.ts';
import { signedAttempts } from './signed-attempts.ts';

const PROTOCOL = 'taper-session-1';
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');
const PUBLIC_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');
const LIFETIME = 300;
const ARGS = '{"path":"/data/q3.pdf"}';

type Spot = 'hello' | 'welcome' | 'finish';

interface Attempt {
  readonly id: string;
  /** What is received in the place of the message as it was sent. */
  readonly message: Spot;
  readonly given: Message;
  /** A denial code of the responder; `refused` where it is the initiator that goes no further. */
  readonly expected: string;
}

interface Request {
  readonly id: string;
  readonly now: number;
  readonly tool: string;
  readonly args_json: string;
  readonly request: Message;
  readonly expected: string;
}

interface Suite {
  readonly title: string;
  readonly now: number;
  readonly audience: string;
  readonly trust_anchors: readonly { readonly issuer: string; readonly jwk: object }[];
  readonly responder_jwk: object;
  readonly holder_jwks: readonly object[];
  readonly secrets: { readonly initiator_share: string; readonly responder_share: string };
  readonly hello: Message;
  readonly welcome: Message;
  readonly finish: Message;
  readonly steps: Steps;
  readonly attempts: readonly Attempt[];
  readonly requests: readonly Request[];
}

/** Everything that is computed on the way; base64url but for the texts. */
interface Steps {
  readonly shared_secret: string;
  readonly welcome_hash: string;
  readonly responder_text: string;
  readonly responder_confirmation_key: string;
  readonly initiator_confirmation_key: string;
  readonly request_key: string;
  readonly finish_hash: string;
  readonly initiator_texts: readonly string[];
  readonly request_input: string;
}

interface Parties {
  readonly title: string;
  readonly responder: TestKey;
  readonly holders: readonly TestKey[];
}

const PARTIES: readonly (readonly [string, Parties])[] = [
  [
    'ed25519.json',
    {
      title: 'A session under one chain, all keys Ed25519; spec/session.md',
      responder: testKey('enforcement point'),
      holders: [testKey('bob')],
    },
  ],
  [
    'joined.json',
    {
      title:
        'A session under two joined chains, one leaf with P-256, responder with P-256; spec/session.md',
      responder: testKey('enforcement point', 'ES256'),
      holders: [testKey('bob'), CAST.es256],
    },
  ],
];

/** Bytes that are the same each time, and a list of what was given out. */
function repeatable(seed: string): { random: (length: number) => Uint8Array; drawn: Uint8Array[] } {
  const drawn: Uint8Array[] = [];
  const random = (length: number): Uint8Array => {
    const bytes = hash('sha256', `taper test random ${seed} ${drawn.length}`, 'buffer');
    drawn.push(Uint8Array.from(bytes.subarray(0, length)));
    return bytes.subarray(0, length);
  };
  return { random, drawn };
}

interface Stage {
  readonly point: EnforcementPoint;
  readonly initiate: () => ReturnType<typeof initiateSession>;
  readonly secrets: () => { readonly initiator: Uint8Array; readonly responder: Uint8Array };
  readonly setNow: (now: number) => void;
  /** First second at which a token of the chains has expired. */
  readonly end: number;
}

/** Both parties, at the beginning of a handshake that goes the same way each time. */
function stage({ responder, holders }: Parties): Stage {
  let now = TEST_TIME;
  const [ours, theirs] = [repeatable('initiator'), repeatable('responder')];
  const anchors = CAST.anchors.map(({ issuer, key }) => ({ issuer, key: key.publicKey }));
  const sessions = createSessionTable({
    signer: responder.signer,
    audience: CAST.audience,
    tools: ['read_file'],
    lifetime: LIFETIME,
    random: theirs.random,
  });
  const point = createEnforcementPoint({
    audience: CAST.audience,
    anchors,
    clock: { now: () => now },
    sessions,
  });
  const verifier = createVerifier({ anchors, audience: CAST.audience });
  const chains = holders.map((holder) => {
    const verdict = verifier.verifyChain(present({ hops: [{}, { holder }] }).chain, TEST_TIME);
    if (verdict.verdict === 'deny') throw new Error(verdict.denial.code);
    return verdict.chain;
  });
  const initiate = (): ReturnType<typeof initiateSession> =>
    initiateSession({
      chains,
      signers: holders.map(({ signer }) => signer),
      audience: CAST.audience,
      responderKey: responder.publicKey,
      random: ours.random,
    });
  // The initiator draws its share first; the responder the identifier, then its share.
  const secrets = () => ({
    initiator: ours.drawn[0] as Uint8Array,
    responder: theirs.drawn[1] as Uint8Array,
  });
  const setNow = (time: number): void => {
    now = time;
  };
  const ends = chains.flatMap(({ tokens }) => tokens.map(({ claims }) => claims.exp));
  return { point, initiate, secrets, setNow, end: Math.min(...ends) };
}

async function begin(parties: Parties) {
  const scene = stage(parties);
  const initiation = scene.initiate();
  const hello = overWire(initiation.hello);
  const welcome = await scene.point.sessions?.hello(hello);
  if (welcome === undefined || 'code' in welcome) throw new Error(`refused: ${reasonOf(welcome)}`);
  return { scene, initiation, hello, welcome: overWire(welcome) };
}

async function complete(parties: Parties) {
  const begun = await begin(parties);
  const { finish, session } = await begun.initiation.complete(begun.welcome, TEST_TIME);
  return { ...begun, finish: overWire(finish), session };
}

/** What becomes of a handshake in which one message was exchanged on the way. */
async function attempt(parties: Parties, spot: Spot, given: Message): Promise<string> {
  if (spot === 'hello') {
    const { point } = stage(parties);
    const answer = await point.sessions?.hello(given);
    return answer === undefined || 'code' in answer ? (answer?.code ?? 'none') : 'answered';
  }
  if (spot === 'welcome') {
    const { initiation } = await begin(parties);
    return initiation.complete(given, TEST_TIME).then(
      () => 'completed',
      (error) =>
        error instanceof TaperError && error.code === 'session_refused' ? 'refused' : String(error),
    );
  }
  const { scene } = await complete(parties);
  const done = await scene.point.sessions?.finish(given);
  return done === undefined || 'code' in done ? (done?.code ?? 'none') : 'open';
}

async function makeSuite(parties: Parties): Promise<Suite> {
  const { scene, hello, welcome, finish, session } = await complete(parties);
  const { initiator, responder } = scene.secrets();
  const secrets = { initiator_share: text(initiator), responder_share: text(responder) };
  const requests = requestsOf(session, welcome);
  const messages = { hello, welcome, finish };
  return {
    title: parties.title,
    now: TEST_TIME,
    audience: CAST.audience,
    trust_anchors: CAST.anchors.map(({ issuer, key }) => ({ issuer, jwk: key.publicKey.jwk })),
    responder_jwk: parties.responder.publicKey.jwk,
    holder_jwks: parties.holders.map(({ publicKey }) => publicKey.jwk),
    secrets,
    ...messages,
    steps: stepsOf({ secrets, ...messages, requests }),
    attempts: [
      ...attemptsOf(messages),
      ...signedAttempts({
        ...messages,
        ...parties,
        now: TEST_TIME,
        end: scene.end,
        compute: (given) => stepsOf({ secrets, ...messages, welcome: given, requests }),
      }),
    ],
    requests,
  };
}

function attemptsOf(messages: Record<Spot, Message>): Attempt[] {
  const list: Attempt[] = [];
  const add = (message: Spot, expected: string, id: string, changes: Message): void => {
    const given = { ...messages[message], ...changes };
    list.push({ id: `${message}.${id}`, message, given, expected });
  };
  const { hello, welcome, finish } = messages;
  const [chains, signatures] = [
    hello['chains'] as string[][],
    finish['signatures'] as readonly string[],
  ];
  add('hello', 'answered', 'as-sent', {});
  add('hello', 'session_malformed', 'other-version', { version: 'taper-session-2' });
  add('hello', 'session_malformed', 'member-more', { extra: 1 });
  add('hello', 'session_malformed', 'nonce-short', { nonce: 'A'.repeat(42) });
  add('hello', 'session_malformed', 'share-padded', { share: `${hello['share']}=` });
  add('hello', 'session_malformed', 'share-trailing-bits', { share: `${'A'.repeat(42)}B` });
  add('hello', 'session_malformed', 'no-chain', { chains: [] });
  add('hello', 'session_handshake_refused', 'other-audience', {
    audience: 'https://other.example',
  });
  add('hello', 'session_handshake_refused', 'share-of-zeros', { share: 'A'.repeat(43) });
  add('hello', 'session_handshake_refused', 'share-of-one', { share: `AQ${'A'.repeat(41)}` });
  add('hello', 'join_malformed', 'chain-twice', { chains: [...chains, chains[0]] });
  add('welcome', 'completed', 'as-sent', {});
  for (const name of ['session', 'nonce', 'share', 'key', 'signature', 'mac'])
    add('welcome', 'refused', `other-${name}`, { [name]: flip(welcome[name], 9) });
  add('welcome', 'refused', 'a-second-later', { expires: TEST_TIME + LIFETIME + 1 });
  add('welcome', 'refused', 'over', { expires: TEST_TIME });
  add('welcome', 'refused', 'tool-more', { tools: ['read_file', 'search_index'] });
  add('welcome', 'refused', 'no-tool', { tools: [] });
  add('welcome', 'refused', 'reflected', { nonce: hello['nonce'], share: hello['share'] });
  add('finish', 'open', 'as-sent', {});
  add('finish', 'session_malformed', 'no-signature', { signatures: [] });
  add('finish', 'session_malformed', 'mac-short', { mac: 'AAAA' });
  add('finish', 'session_handshake_refused', 'other-session', {
    session: flip(finish['session'], 9),
  });
  add('finish', 'session_handshake_refused', 'other-mac', { mac: flip(finish['mac'], 9) });
  add('finish', 'session_handshake_refused', 'other-signature', {
    signatures: signatures.with(0, flip(signatures[0], 40)),
  });
  add('finish', 'session_handshake_refused', 'reflected', {
    signatures: signatures.map(() => welcome['signature']),
    mac: welcome['mac'],
  });
  if (signatures.length > 1) {
    add('finish', 'session_handshake_refused', 'signatures-swapped', {
      signatures: signatures.toReversed(),
    });
    add('finish', 'session_handshake_refused', 'signature-missing', {
      signatures: signatures.slice(0, 1),
    });
  }
  return list;
}

/** Requests in the order in which they are received. */
function requestsOf(session: InitiatorSession, welcome: Message): Request[] {
  const list: Request[] = [];
  const numbered = new Map<number, Message>();
  const at = (sequence: number): Message => {
    while (numbered.size < sequence)
      numbered.set(numbered.size + 1, overWire(session.request('read_file', ARGS)));
    return numbered.get(sequence) as Message;
  };
  const add = (
    expected: string,
    id: string,
    request: Message,
    more: Partial<Request> = {},
  ): void => {
    const usual = { id, now: TEST_TIME, tool: 'read_file', args_json: ARGS, request, expected };
    list.push({ ...usual, ...more });
  };
  add('permit', 'first', at(1));
  add('session_sequence_replayed', 'again', at(1));
  add('permit', 'ahead', at(1025));
  add('session_sequence_old', 'behind-the-window', at(1));
  add('permit', 'last-in-the-window', at(2));
  add('session_sequence_replayed', 'last-in-the-window-again', at(2));
  add('session_mac_invalid', 'other-number', { ...at(3), taper_sequence: 4 });
  add('session_mac_invalid', 'other-arguments', at(3), { args_json: '{"path":"/data/q4.pdf"}' });
  add('session_mac_invalid', 'same-arguments-other-bytes', at(3), { args_json: `${ARGS} ` });
  add('session_mac_invalid', 'other-tool', at(3), { tool: 'search_index' });
  add('session_mac_invalid', 'other-code', { ...at(3), taper_mac: flip(at(3)['taper_mac'], 9) });
  add('session_malformed', 'number-0', { ...at(3), taper_sequence: 0 });
  add('session_malformed', 'number-2-53', { ...at(3), taper_sequence: 2 ** 53 });
  add('session_malformed', 'code-short', { ...at(3), taper_mac: 'AAAA' });
  add('session_malformed', 'member-more', { ...at(3), extra: 1 });
  add('session_unknown', 'other-session', { ...at(3), taper_session: flip(welcome['session']) });
  const other = '{"path":"/etc/passwd"}';
  const refused = overWire(session.request('read_file', other));
  add('argument_refused', 'constraint', refused, { args_json: other });
  add('permit', 'number-of-a-refused-request-of-no-effect', at(3));
  add('permit', 'last-second', at(4), { now: TEST_TIME + LIFETIME - 1 });
  add('session_expired', 'over', at(5), { now: TEST_TIME + LIFETIME });
  return list;
}

/** The computations of spec/session.md sections 4 and 5, with nothing but node:crypto. */
function stepsOf({
  secrets,
  hello,
  welcome,
  finish,
  requests: [first],
}: Pick<Suite, 'secrets' | 'hello' | 'welcome' | 'finish' | 'requests'>): Steps {
  const bytes = (value: unknown): Buffer => Buffer.from(value as string, 'base64url');
  const number = (value: number): Buffer => {
    const four = Buffer.alloc(4);
    four.writeUInt32BE(value);
    return four;
  };
  const field = (value: string | Buffer): Buffer => {
    const content = Buffer.from(value);
    return Buffer.concat([number(content.length), content]);
  };
  const list = (values: readonly Buffer[]): Buffer =>
    Buffer.concat([number(values.length), ...values]);
  const eight = (value: number): Buffer => {
    const whole = Buffer.alloc(8);
    whole.writeBigUInt64BE(BigInt(value));
    return whole;
  };

  const privateKey = createPrivateKey({
    key: Buffer.concat([PRIVATE_PREFIX, bytes(secrets.initiator_share)]),
    format: 'der',
    type: 'pkcs8',
  });
  const publicKey = createPublicKey({
    key: Buffer.concat([PUBLIC_PREFIX, bytes(welcome['share'])]),
    format: 'der',
    type: 'spki',
  });
  const secret = diffieHellman({ privateKey, publicKey });

  const said = Buffer.concat([
    field(`${PROTOCOL} welcome`),
    field(hello['audience'] as string),
    field(bytes(hello['nonce'])),
    field(bytes(hello['share'])),
    list((hello['chains'] as string[][]).map((chain) => list(chain.map(field)))),
    field(bytes(welcome['session'])),
    field(bytes(welcome['nonce'])),
    field(bytes(welcome['share'])),
    field(welcome['key'] as string),
    field(eight(welcome['expires'] as number)),
    list((welcome['tools'] as string[]).map(field)),
  ]);
  const welcomeHash = hash('sha256', said, 'buffer');
  const finishHash = hash(
    'sha256',
    Buffer.concat([
      field(`${PROTOCOL} finish`),
      field(welcomeHash),
      field(bytes(welcome['signature'])),
      field(bytes(welcome['mac'])),
    ]),
    'buffer',
  );
  const key = (purpose: string): string =>
    text(Buffer.from(hkdfSync('sha256', secret, welcomeHash, `${PROTOCOL} ${purpose}`, 32)));
  const request = Buffer.concat([
    Buffer.from(`${PROTOCOL} request`),
    bytes(welcome['session']),
    eight(first?.request['taper_sequence'] as number),
    field(first?.tool as string),
    field(first?.args_json as string),
  ]);
  return {
    shared_secret: text(secret),
    welcome_hash: text(welcomeHash),
    responder_text: `${PROTOCOL} responder ${text(welcomeHash)}`,
    responder_confirmation_key: key('responder confirmation'),
    initiator_confirmation_key: key('initiator confirmation'),
    request_key: key('request'),
    finish_hash: text(finishHash),
    initiator_texts: (finish['signatures'] as string[]).map(
      (_, index) => `${PROTOCOL} initiator ${index} ${text(finishHash)}`,
    ),
    request_input: text(request),
  };
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}

function codeOver(key: string, ...parts: readonly unknown[]): string {
  const mac = createHmac('sha256', Buffer.from(key, 'base64url'));
  for (const part of parts) mac.update(Buffer.from(part as string, 'base64url'));
  return mac.digest('base64url');
}

function isSigned(jwk: object, signed: string, signature: unknown): boolean {
  const key = createPublicKey({ key: jwk as never, format: 'jwk' });
  const bytes = Buffer.from(signature as string, 'base64url');
  return importPublicKey(jwk).alg === 'Ed25519'
    ? verifyBytes(null, Buffer.from(signed), key, bytes)
    : verifyBytes('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }, bytes);
}

describe.each(PARTIES)('the vectors of sessions: %s', (name, parties) => {
  const path = join(import.meta.dirname, '../../../../vectors/session', name);
  const made = makeSuite(parties);

  test('are what this file makes, byte for byte', async () => {
    // Write them anew with: npx vitest run packages/enforce/test/session/vectors.test.ts -u
    await expect(`${JSON.stringify(await made, null, 2)}\n`).toMatchFileSnapshot(path);
  });

  test('follow from the specification, to whoever computes with nothing but X25519, SHA-256, HKDF and HMAC', async () => {
    const suite = await made;
    const { steps, hello, welcome, finish } = suite;
    const [first] = suite.requests;
    expect(isSigned(suite.responder_jwk, steps.responder_text, welcome['signature'])).toBe(true);
    expect(welcome['key']).toBe(importPublicKey(suite.responder_jwk).thumbprint);
    expect(welcome['mac']).toBe(
      codeOver(steps.responder_confirmation_key, steps.welcome_hash, welcome['signature']),
    );
    const signatures = finish['signatures'] as string[];
    for (const [index, jwk] of suite.holder_jwks.entries())
      expect(isSigned(jwk, steps.initiator_texts[index] ?? '', signatures[index])).toBe(true);
    expect(finish['mac']).toBe(
      codeOver(steps.initiator_confirmation_key, steps.finish_hash, ...signatures),
    );
    expect(first?.request['taper_mac']).toBe(codeOver(steps.request_key, steps.request_input));
    const shares = [suite.secrets.initiator_share, suite.secrets.responder_share].map((secret) => {
      const encoded = Buffer.concat([PRIVATE_PREFIX, Buffer.from(secret, 'base64url')]);
      const key = createPublicKey(createPrivateKey({ key: encoded, format: 'der', type: 'pkcs8' }));
      return text(key.export({ format: 'der', type: 'spki' }).subarray(PUBLIC_PREFIX.length));
    });
    expect(shares).toEqual([hello['share'], welcome['share']]);
  });

  test('hold five secrets apart: no key is another, nor the shared secret', async () => {
    const { steps } = await made;
    const secrets = [
      steps.shared_secret,
      steps.responder_confirmation_key,
      steps.initiator_confirmation_key,
      steps.request_key,
      steps.welcome_hash,
    ];
    expect(new Set(secrets).size).toBe(secrets.length);
  });

  test('of handshakes come to what they expect', async () => {
    for (const { id, message, given, expected } of (await made).attempts)
      expect([id, await attempt(parties, message, given)]).toEqual([id, expected]);
  });

  test('of requests come to what they expect, in their order', async () => {
    const { scene, finish } = await complete(parties);
    const done = await scene.point.sessions?.finish(finish);
    expect(done).toMatchObject({ expires: TEST_TIME + LIFETIME });
    for (const { id, now, tool, args_json, request, expected } of (await made).requests) {
      scene.setNow(now);
      const decision = await scene.point.authorize(request, tool, args_json);
      const code = decision.verdict === 'permit' ? 'permit' : decision.denial.code;
      expect([id, code]).toEqual([id, expected]);
    }
  });
});
