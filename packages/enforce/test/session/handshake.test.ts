import { describe, expect, test } from 'vitest';
import { createSessionTable, initiateSession } from '../../src/index.ts';
import { agree, authenticate, makeShare } from '../../src/session/key-schedule.ts';
import { readHello } from '../../src/session/message.ts';
import {
  hashFinish,
  hashWelcome,
  initiatorText,
  responderText,
} from '../../src/session/transcript.ts';
import {
  AUDIENCE,
  agent,
  chainOf,
  childOf,
  codeOf,
  NOW,
  newSigner,
  PAYMENT,
  pointWith,
  present,
  rootOf,
} from '../judge/scene.ts';
import {
  flip,
  handshake,
  type Message,
  newEs256Signer,
  open,
  overWire,
  responder,
  sessionPoint,
  TEXT,
} from './parties.ts';

/** Values that are of no field: other types, other lengths, other spellings. */
const JUNK: readonly unknown[] = [
  undefined,
  null,
  '',
  'A',
  0,
  -1,
  1.5,
  true,
  [],
  {},
  [[]],
  ['A'],
  `${'A'.repeat(43)}=`,
  'A'.repeat(42),
  'A'.repeat(44),
  `${'A'.repeat(42)}+`,
  `${'A'.repeat(42)}B`, // bits behind the last byte
];

type Spot = 'hello' | 'welcome' | 'finish';

const FIELDS: readonly (readonly [Spot, string])[] = [
  ...['audience', 'chains', 'nonce', 'share', 'version'].map((name) => ['hello', name] as const),
  ...['expires', 'key', 'mac', 'nonce', 'session', 'share', 'signature', 'tools'].map(
    (name) => ['welcome', name] as const,
  ),
  ...['mac', 'session', 'signatures'].map((name) => ['finish', name] as const),
];

const without = (message: Message, name: string): Message => {
  const { [name]: _, ...rest } = message;
  return rest;
};

const two = async () => {
  const [first, second] = [agent, newSigner()];
  return {
    chains: [await chainOf(), await childOf(await rootOf(), undefined, second)],
    signers: [first, second],
  };
};

describe('a handshake', () => {
  test('opens a session between two who know each other', async () => {
    expect((await handshake()).outcome).toBe('open');
  });

  test.each([
    ['Ed25519', 'ES256'],
    ['ES256', 'Ed25519'],
    ['ES256', 'ES256'],
  ])(
    'opens between a holder with %s and a responder with %s, and requests pass',
    async (...algs) => {
      const [holder, signer] = algs.map((alg) =>
        alg === 'ES256' ? newEs256Signer() : newSigner(),
      ) as [typeof agent, typeof agent];
      const point = sessionPoint({}, { signer });
      const session = await open(point, {
        chains: [await childOf(await rootOf(), undefined, holder)],
        signers: [holder],
        responderKey: signer.publicKey,
      });
      expect(codeOf(await point.authorize(session.request('pay', TEXT), 'pay', TEXT))).toBe(
        'permit',
      );
    },
  );

  test('opens under joined chains, and all must allow each request', async () => {
    const point = sessionPoint({}, { tools: ['pay', 'read'] });
    const [first, second] = [agent, newSigner()];
    const narrow = { pay: { order: { constraint_type: 'exact' as const, value: 'o-1' } } };
    const chains = [
      await chainOf(),
      await childOf(await rootOf(), undefined, second, {
        pay: {
          ...narrow.pay,
          amount: { constraint_type: 'decimal', min: '0', max: '100.00', scale: 2 },
        },
      }),
    ];
    const session = await open(point, { chains, signers: [first, second] });
    const little = JSON.stringify({ ...PAYMENT, amount: '99.00' });
    expect(codeOf(await point.authorize(session.request('pay', little), 'pay', little))).toBe(
      'permit',
    );
    expect(codeOf(await point.authorize(session.request('pay', TEXT), 'pay', TEXT))).toBe(
      'argument_refused',
    );
    expect(codeOf(await point.authorize(session.request('read', '{}'), 'read', '{}'))).toBe(
      'tool_not_granted',
    );
  });

  describe.each(FIELDS)('with somebody in the middle, who in the %s changes %s,', (spot, name) => {
    test('leaving it out, opens nothing', async () => {
      const { outcome } = await handshake({ [spot]: (sent: Message) => without(sent, name) });
      expect(outcome).toBe(spot === 'welcome' ? 'session_refused' : 'session_malformed');
    });

    test('to what is none, opens nothing', async () => {
      for (const junk of JUNK) {
        const { outcome } = await handshake({
          [spot]: (sent: Message) => ({ ...sent, [name]: junk }),
        });
        expect([junk, outcome]).not.toEqual([junk, 'open']);
      }
    });

    test('to that of another handshake with the same parties, opens nothing (E17)', async () => {
      const point = sessionPoint();
      const chains = [await chainOf()];
      const other = await handshake({ point, chains });
      const index = ['hello', 'welcome', 'finish'].indexOf(spot);
      const theirs = other.sent[index]?.[name];
      const { outcome, sent } = await handshake({
        point,
        chains: name === 'chains' ? [await chainOf()] : chains,
        [spot]: (message: Message) => ({ ...message, [name]: theirs }),
      });
      const constant = JSON.stringify(sent[index]?.[name]) === JSON.stringify(theirs);
      expect(constant).toBe(['audience', 'version', 'expires', 'key', 'tools'].includes(name));
      expect(outcome === 'open').toBe(constant);
    });
  });

  test.each<[string, Parameters<typeof handshake>[0] & object]>([
    ['a bit of the nonce', { hello: (m) => ({ ...m, nonce: flip(m['nonce']) }) }],
    ['a bit of the share', { hello: (m) => ({ ...m, share: flip(m['share']) }) }],
    [
      'the bit of the share that X25519 does not read',
      {
        hello: (m) => {
          const bytes = Buffer.from(m['share'] as string, 'base64url');
          bytes[31] = (bytes[31] as number) ^ 0x80;
          return { ...m, share: bytes.toString('base64url') };
        },
      },
    ],
    ['a bit of the identifier', { welcome: (m) => ({ ...m, session: flip(m['session']) }) }],
    ["a bit of the responder's nonce", { welcome: (m) => ({ ...m, nonce: flip(m['nonce']) }) }],
    ["a bit of the responder's share", { welcome: (m) => ({ ...m, share: flip(m['share']) }) }],
    ['a bit of the key', { welcome: (m) => ({ ...m, key: flip(m['key']) }) }],
    ['the end, later', { welcome: (m) => ({ ...m, expires: Number(m['expires']) + 1 }) }],
    ['the end, earlier', { welcome: (m) => ({ ...m, expires: Number(m['expires']) - 1 }) }],
    ['a tool more', { welcome: (m) => ({ ...m, tools: ['pay', 'read'] }) }],
    ['a tool fewer', { welcome: (m) => ({ ...m, tools: [] }) }],
    ['a tool twice', { welcome: (m) => ({ ...m, tools: ['pay', 'pay'] }) }],
    ['a bit of R', { welcome: (m) => ({ ...m, signature: flip(m['signature'], 0) }) }],
    ['a bit of S', { welcome: (m) => ({ ...m, signature: flip(m['signature'], 40) }) }],
    ["a bit of the responder's code", { welcome: (m) => ({ ...m, mac: flip(m['mac']) }) }],
    ['a member more', { welcome: (m) => ({ ...m, x: 1 }) }],
    ['a member more in the hello', { hello: (m) => ({ ...m, x: 1 }) }],
    ['a member more in the finish', { finish: (m) => ({ ...m, x: 1 }) }],
    ["a bit of the initiator's code", { finish: (m) => ({ ...m, mac: flip(m['mac']) }) }],
    [
      "a bit of the initiator's signature",
      { finish: (m) => ({ ...m, signatures: [flip((m['signatures'] as string[])[0], 40)] }) },
    ],
    ['no signature', { finish: (m) => ({ ...m, signatures: [] }) }],
    [
      'a signature twice',
      { finish: (m) => ({ ...m, signatures: [m['signatures'], m['signatures']].flat() }) },
    ],
  ])('of which %s was changed on the way opens nothing', async (_what, options) => {
    expect((await handshake(options)).outcome).not.toBe('open');
  });

  test('of another version, or for another responder, opens nothing', async () => {
    for (const version of ['taper-session-0', 'taper-session-2', 'taper-session-1 ', '']) {
      const { outcome } = await handshake({ hello: (m) => ({ ...m, version }) });
      expect(outcome).toBe('session_malformed');
    }
    const { outcome } = await handshake({ audience: 'https://other.example' });
    expect(outcome).toBe('session_handshake_refused audience');
  });
});

describe('the chains of a hello', () => {
  test.each<[string, (chains: string[][]) => unknown]>([
    ['cut off at the end', ([chain = []]) => [chain.slice(0, -1)]],
    ['cut off at the root', ([chain = []]) => [chain.slice(1)]],
    ['turned round', ([chain = []]) => [[...chain].reverse()]],
    ['with a token twice', ([chain = []]) => [[...chain, chain.at(-1)]]],
    ['twice', (chains) => [...chains, ...chains]],
    ['with none beside it', (chains) => [...chains, []]],
    ['more than four', ([chain = []]) => Array.from({ length: 5 }, () => chain)],
    ['none', () => []],
  ])('%s open nothing', async (_what, change) => {
    const { outcome } = await handshake({
      hello: (m) => ({ ...m, chains: change(m['chains'] as string[][]) }),
    });
    expect(outcome).not.toBe('open');
  });

  test('joined by somebody in the middle with a chain of his own, or in another order, open nothing', async () => {
    const [a, b] = [await chainOf(), await childOf(await rootOf(), undefined, newSigner())];
    const foreign = b.tokens.map(({ compact }) => compact);
    const joined = await handshake({
      chains: [a],
      hello: (m) => ({ ...m, chains: [...(m['chains'] as string[][]), foreign] }),
    });
    expect(joined.outcome).toBe('session_refused');
    const both = await two();
    const turned = await handshake({
      ...both,
      hello: (m) => ({ ...m, chains: [...(m['chains'] as string[][])].reverse() }),
    });
    expect(turned.outcome).toBe('session_refused');
  });

  test('that were made for the key of another open nothing for him: he has to sign, too (E15, E01)', async () => {
    // Anybody can derive a token for anybody's public key, and chains are no secret.
    const [mallory, victim] = [newSigner(), newSigner()];
    const chain = await childOf(await rootOf(), undefined, victim);
    const posing = { publicKey: victim.publicKey, sign: mallory.sign };
    await expect(handshake({ chains: [chain], signers: [posing] })).resolves.toMatchObject({
      outcome: 'signing_failed',
    });
    const { outcome } = await handshake({
      chains: [await childOf(await rootOf(), undefined, mallory)],
      signers: [mallory],
      hello: (m) => ({ ...m, chains: [chain.tokens.map(({ compact }) => compact)] }),
    });
    expect(outcome).toBe('session_refused');
  });

  test('need the signature of each leaf, in their order', async () => {
    const both = await two();
    expect((await handshake(both)).outcome).toBe('open');
    const signaturesOf = (m: Message) => m['signatures'] as string[];
    for (const change of [
      (m: Message) => signaturesOf(m).slice(0, 1),
      (m: Message) => signaturesOf(m).slice(1),
      (m: Message) => [...signaturesOf(m)].reverse(),
      (m: Message) => [signaturesOf(m)[0], signaturesOf(m)[0]],
      (m: Message) => [...signaturesOf(m), signaturesOf(m)[0]],
    ]) {
      const { outcome } = await handshake({
        ...both,
        finish: (m) => ({ ...m, signatures: change(m) }),
      });
      expect(outcome).toBe('session_handshake_refused confirmation');
    }
  });
});

describe('an initiator that does not keep to the protocol', () => {
  /** Shares a secret with the responder, as it may, and signs what it likes. */
  async function dishonest(
    signaturesFor: (finishHash: Uint8Array) => Promise<readonly Uint8Array[]>,
    chains: readonly Awaited<ReturnType<typeof chainOf>>[],
  ): Promise<string> {
    const point = sessionPoint();
    const share = makeShare(Buffer.alloc(32, 9));
    const hello = {
      version: 'taper-session-1',
      audience: AUDIENCE,
      nonce: Buffer.alloc(32, 1).toString('base64url'),
      share: Buffer.from(share.publicValue).toString('base64url'),
      chains: chains.map(({ tokens }) => tokens.map(({ compact }) => compact)),
    };
    const welcome = await point.sessions?.hello(hello);
    if (welcome === undefined || 'code' in welcome) throw new Error(welcome?.code);
    const bytes = (text: string): Uint8Array => Buffer.from(text, 'base64url');
    const welcomeHash = hashWelcome(readHello(hello) as never, {
      ...welcome,
      id: bytes(welcome.session),
      nonce: bytes(welcome.nonce),
      share: bytes(welcome.share),
    });
    const keys = agree(share, bytes(welcome.share), welcomeHash);
    if (keys === undefined) throw new Error('no keys');
    const finishHash = hashFinish(welcomeHash, bytes(welcome.signature), bytes(welcome.mac));
    const signatures = await signaturesFor(finishHash);
    const done = await point.sessions?.finish({
      session: welcome.session,
      signatures: signatures.map((each) => Buffer.from(each).toString('base64url')),
      mac: Buffer.from(authenticate(keys.initiator, finishHash, ...signatures)).toString(
        'base64url',
      ),
    });
    if (done === undefined) throw new Error('no answer');
    const reason = 'code' in done ? Reflect.get(done.facts, 'reason') : undefined;
    return 'code' in done ? `${done.code} ${reason}` : 'open';
  }
  const sign = async (signer: typeof agent, text: Uint8Array) => signer.sign(text);

  test('opens nothing with all but one of the signatures, or one in the place of another (E15)', async () => {
    const { chains, signers } = await two();
    const [first, second] = signers as [typeof agent, typeof agent];
    const mallory = newSigner();
    const attempts: readonly [
      string,
      (hash: Uint8Array) => Promise<readonly Uint8Array[]>,
      string,
    ][] = [
      [
        'both',
        async (h) => [
          await sign(first, initiatorText(h, 0)),
          await sign(second, initiatorText(h, 1)),
        ],
        'open',
      ],
      [
        'the first alone',
        async (h) => [await sign(first, initiatorText(h, 0))],
        'session_handshake_refused signatures',
      ],
      [
        'the first twice',
        async (h) => [
          await sign(first, initiatorText(h, 0)),
          await sign(first, initiatorText(h, 1)),
        ],
        'session_handshake_refused signature',
      ],
      [
        'a stranger for the second',
        async (h) => [
          await sign(first, initiatorText(h, 0)),
          await sign(mallory, initiatorText(h, 1)),
        ],
        'session_handshake_refused signature',
      ],
      [
        'for the place of the other',
        async (h) => [
          await sign(first, initiatorText(h, 1)),
          await sign(second, initiatorText(h, 0)),
        ],
        'session_handshake_refused signature',
      ],
      [
        'one too many',
        async (h) => [
          await sign(first, initiatorText(h, 0)),
          await sign(second, initiatorText(h, 1)),
          await sign(mallory, initiatorText(h, 2)),
        ],
        'session_handshake_refused signatures',
      ],
    ];
    for (const [what, signatures, outcome] of attempts)
      expect([what, await dishonest(signatures, chains)]).toEqual([what, outcome]);
  });

  test('passes off no signature of another kind: of a proof, a token, or of the responder role (A10, E19)', async () => {
    const chain = await chainOf();
    const proof = (await present(chain)).aat_pop;
    const token = chain.leaf.compact;
    for (const jws of [proof, token])
      expect(
        await dishonest(async () => [Buffer.from(jws.split('.')[2] ?? '', 'base64url')], [chain]),
      ).toBe('session_handshake_refused signature');
    expect(await dishonest(async (h) => [await sign(agent, responderText(h))], [chain])).toBe(
      'session_handshake_refused signature',
    );
    expect(await dishonest(async (h) => [await sign(agent, h)], [chain])).toBe(
      'session_handshake_refused signature',
    );
  });
});

describe('what is signed in a handshake', () => {
  test('begins like no other text that Taper signs (A10)', () => {
    for (const text of [responderText(Buffer.alloc(32)), initiatorText(Buffer.alloc(32), 0)]) {
      const words = Buffer.from(text).toString();
      expect(words).toMatch(/^taper-session-1 (responder|initiator \d) [A-Za-z0-9_-]{43}$/);
      expect(words).not.toMatch(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/); // a JWS signing input
      expect(words.startsWith('taper-audit-event-v1:')).toBe(false);
    }
  });
});

describe('a responder', () => {
  test('of another key than the initiator knows opens nothing, whatever it says of itself', async () => {
    const mallory = newSigner();
    const point = sessionPoint({}, { signer: mallory });
    expect((await handshake({ point })).outcome).toBe('session_refused');
    const posing = { publicKey: responder.publicKey, sign: mallory.sign };
    expect((await handshake({ point: sessionPoint({}, { signer: posing }) })).outcome).toBe(
      'internal_error',
    );
    const { outcome } = await handshake({
      point,
      welcome: (m) => ({ ...m, key: responder.publicKey.thumbprint }),
    });
    expect(outcome).toBe('session_refused');
  });

  /** Holds the key that the initiator expects, and does as it likes. */
  async function answer(
    change: (offer: { expires: number; tools: string[]; share: Uint8Array }) => void,
    secretOf = makeShare(Buffer.alloc(32, 5)),
  ): Promise<string> {
    const { hello, complete } = initiateSession({
      chains: [await chainOf()],
      signers: [agent],
      audience: AUDIENCE,
      responderKey: responder.publicKey,
    });
    const read = readHello(overWire(hello));
    if (read === undefined) throw new Error('no hello');
    const offer = {
      id: Buffer.alloc(16, 3),
      session: Buffer.alloc(16, 3).toString('base64url'),
      nonce: Buffer.alloc(32, 4),
      share: secretOf.publicValue,
      key: responder.publicKey.thumbprint,
      expires: NOW + 60,
      tools: ['pay'],
    };
    change(offer);
    const hash = hashWelcome(read, offer);
    const signature = await responder.sign(responderText(hash));
    const keys = agree(secretOf, read.share, hash);
    if (keys === undefined) throw new Error('no keys');
    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
    const { id: _, ...rest } = offer;
    const welcome = {
      ...rest,
      nonce: text(offer.nonce),
      share: text(offer.share),
      signature: text(signature),
      mac: text(authenticate(keys.responder, hash, signature)),
    };
    return complete(welcome, NOW).then(
      () => 'open',
      (error) => error.code,
    );
  }

  test('gives no session that is over, or outlives its chains (J15)', async () => {
    for (const [expires, outcome] of [
      [NOW + 600, 'open'],
      [NOW + 601, 'session_refused'],
      [NOW + 1, 'open'],
      [NOW, 'session_refused'],
      [0, 'session_refused'],
      [Number.MAX_SAFE_INTEGER, 'session_refused'],
    ] as const)
      expect([
        expires,
        await answer((offer) => {
          offer.expires = expires;
        }),
      ]).toEqual([expires, outcome]);
  });

  test('that has signed, and does not hold the secret, opens nothing', async () => {
    const echoed = makeShare(Buffer.alloc(32, 6)).publicValue;
    const outcome = await answer((offer) => {
      offer.share = echoed; // somebody else's, whose private half it has not
    });
    expect(outcome).toBe('session_refused');
  });

  test.each(LOW_ORDER())('gives no secret with a share of low order: %s', async (share) => {
    const outcome = await answer((offer) => {
      offer.share = Buffer.from(share, 'hex');
    });
    expect(outcome).toBe('session_refused');
    const { outcome: back } = await handshake({
      hello: (m) => ({ ...m, share: Buffer.from(share, 'hex').toString('base64url') }),
    });
    expect(back).toBe('session_handshake_refused share');
  });

  test('that is the initiator itself, or its mirror, opens nothing: each message has its role', async () => {
    const mirror = createSessionTable({ signer: agent, audience: AUDIENCE, tools: ['pay'] });
    const point = pointWith({ sessions: mirror });
    // To itself, by its own choice, it may talk; what it said to somebody else does not come back to it.
    expect((await handshake({ point, responderKey: agent.publicKey })).outcome).toBe('open');
    expect((await handshake({ point })).outcome).toBe('session_refused');
    for (const reflected of [0, 1] as const) {
      let hello: Message = {};
      const { outcome } = await handshake({
        hello: (m) => {
          hello = m;
          return m;
        },
        welcome: (m) =>
          reflected === 0 ? hello : { ...m, nonce: hello['nonce'], share: hello['share'] },
      });
      expect(outcome).toBe('session_refused');
    }
  });

  test("takes its own signature and code for no initiator's", async () => {
    const sent: Message[] = [];
    const { outcome } = await handshake({
      welcome: (m) => {
        sent.push(m);
        return m;
      },
      finish: (m) => ({ ...m, signatures: [sent[0]?.['signature']], mac: sent[0]?.['mac'] }),
    });
    expect(outcome).toBe('session_handshake_refused confirmation');
  });
});

describe('messages of a handshake that is over', () => {
  test('open nothing again, in it or in another (E18, V08)', async () => {
    const point = sessionPoint();
    const chains = [await chainOf()];
    const first = await handshake({ point, chains });
    const [hello, welcome, finish] = first.sent;
    expect(first.outcome).toBe('open');
    const again = await point.sessions?.finish(finish);
    expect(again).toMatchObject({ code: 'session_handshake_refused' });
    // The hello is answered, for it proves nothing; what follows does not fit.
    expect(await point.sessions?.hello(hello)).not.toHaveProperty('code');
    const replayed = await handshake({ point, chains, welcome: () => welcome });
    expect(replayed.outcome).toBe('session_refused');
    const crossed = await handshake({
      point,
      chains,
      finish: (m) => ({ ...finish, session: m['session'] }),
    });
    expect(crossed.outcome).toBe('session_handshake_refused confirmation');
    expect(await point.sessions?.finish({ ...finish, session: 'A'.repeat(22) })).toMatchObject({
      code: 'session_handshake_refused',
    });
  });

  test('finish it once, also at the same time', async () => {
    const point = sessionPoint();
    const { hello, complete } = initiateSession({
      chains: [await chainOf()],
      signers: [agent],
      audience: AUDIENCE,
      responderKey: responder.publicKey,
    });
    const welcome = await point.sessions?.hello(overWire(hello));
    const { finish } = await complete(welcome, NOW);
    const all = await Promise.all(
      Array.from({ length: 10 }, async () => point.sessions?.finish(finish)),
    );
    expect(all.filter((each) => each !== undefined && !('code' in each))).toHaveLength(1);
  });

  test('that failed once are not taken the second time', async () => {
    const point = sessionPoint();
    const failed = await handshake({ point, finish: (m) => ({ ...m, mac: flip(m['mac']) }) });
    expect(failed.outcome).toBe('session_handshake_refused confirmation');
    expect(await point.sessions?.finish(failed.sent[2])).toMatchObject({
      code: 'session_handshake_refused',
      facts: { reason: 'unknown' },
    });
  });

  test('complete it once: a share serves for one secret', async () => {
    const point = sessionPoint();
    const { hello, complete } = initiateSession({
      chains: [await chainOf()],
      signers: [agent],
      audience: AUDIENCE,
      responderKey: responder.publicKey,
    });
    const welcome = await point.sessions?.hello(overWire(hello));
    await complete(welcome, NOW);
    await expect(complete(welcome, NOW)).rejects.toMatchObject({ code: 'session_refused' });
  });
});

describe('deadlines', () => {
  test.each([
    [9, 600, 'open'],
    [10, 600, 'session_handshake_refused late'],
    [5, 5, 'session_handshake_refused late'],
    [4, 5, 'open'],
  ])(
    'a finish after %i seconds, under a chain that ends after %i: %s',
    async (after, life, outcome) => {
      let now = NOW;
      const point = sessionPoint({ clock: { now: () => now } });
      const done = await handshake({
        point,
        chains: [await chainOf({}, life)],
        finish: (m) => {
          now += after;
          return m;
        },
      });
      expect(done.outcome).toBe(outcome);
    },
  );

  test('are not put off by a clock that steps back', async () => {
    let now = NOW;
    const point = sessionPoint({ clock: { now: () => now } });
    const back = (seconds: number) => (m: Message) => {
      now -= seconds;
      return m;
    };
    expect((await handshake({ point, finish: back(3600) })).outcome).toBe('clock_unavailable');
    expect((await handshake({ point })).outcome).toBe('clock_unavailable');
    now = NOW;
    const session = await open(point);
    now = NOW + 300;
    expect(codeOf(await point.authorize(session.request('pay', TEXT), 'pay', TEXT))).toBe(
      'session_expired',
    );
    now = NOW + 299;
    expect(codeOf(await point.authorize(session.request('pay', TEXT), 'pay', TEXT))).toBe(
      'session_unknown',
    );
  });

  test('are kept by the initiator: an answer that is over on its clock, or without one, opens nothing', async () => {
    for (const now of [NOW + 300, NOW + 10_000, Number.NaN, Number.POSITIVE_INFINITY])
      expect((await handshake({ now })).outcome).toBe('session_refused');
  });
});

/** Every u-coordinate of low order on Curve25519 and its twist, and their spellings that are not reduced (RFC 7748 section 6.1). */
function LOW_ORDER(): readonly string[] {
  return [
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '0000000000000000000000000000000000000000000000000000000000000080',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  ];
}
