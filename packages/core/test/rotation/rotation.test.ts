import {
  consentToRotation,
  createAsyncVerifier,
  createVerifier,
  type Decision,
  derive,
  issue,
  type JsonObject,
  prove,
  RefusedError,
  readRotation,
  rotateKey,
  TaperError,
  type VerifiedChain,
  verifyRotation,
  verifyRotationAsync,
} from '@taper/core';
import {
  CAST,
  forge,
  present,
  TEST_TIME,
  type TestKey,
  TOOLS,
  testId,
  testKey,
} from '@taper/testkit';
import { describe, expect, it } from 'vitest';

const now = TEST_TIME;
const [root, otherRoot] = CAST.anchors as unknown as [Anchor, Anchor];
interface Anchor {
  readonly issuer: string;
  readonly key: TestKey;
}
const nextRoot = testKey('next root');
const anchors = [root, otherRoot, { issuer: root.issuer, key: nextRoot }].map(
  ({ issuer, key }) => ({
    issuer,
    key: key.publicKey,
  }),
);
const [alice, bob, carol] = CAST.holders as readonly [TestKey, TestKey, TestKey];
const alice2 = testKey('alice, second key');
const alice3 = testKey('alice, third key', 'ES256');
const SUBJECT = 'spiffe://example.com/acme/agent/alice';

interface Rotation {
  readonly from?: TestKey;
  readonly to?: TestKey;
  readonly subject?: string;
  readonly issuer?: string;
  readonly signer?: TestKey;
  readonly at?: number;
  readonly overlap?: number;
  /** Put in the place of what an honest authority signs. */
  readonly claims?: Record<string, unknown>;
  readonly header?: JsonObject;
  readonly operator?: boolean;
}

/** A statement as an honest authority makes it, but for what is said; signed whatever it says. */
async function rotated(how: Rotation = {}): Promise<string> {
  const { from = alice, to = alice2, subject = SUBJECT, issuer = root.issuer } = how;
  const { signer = root.key, at = now - 60, overlap = 3600 } = how;
  const common = { issuer, subject, oldKey: from.publicKey, newKey: to.publicKey, now: at };
  const claims = {
    acceptance: await consentToRotation({ ...common, signer: to.signer }),
    ...(how.operator
      ? { by: 'operator' }
      : { consent: await consentToRotation({ ...common, signer: from.signer }) }),
    iat: at,
    iss: issuer,
    jti: 'rotation',
    new: to.publicKey.jwk as unknown as JsonObject,
    old: from.publicKey.thumbprint,
    old_until: at + overlap,
    sub: subject,
    ...how.claims,
  };
  const kept = Object.entries(claims).filter(([, value]) => value !== undefined);
  const kid = signer.publicKey.thumbprint;
  const header = { alg: signer.alg, kid, typ: 'taper-rotation+jwt', ...how.header };
  return forge({ header, payload: Object.fromEntries(kept) as JsonObject, signature: signer });
}

/** A child by `signer` under the root that alice holds, carrying what is said; and the call of its holder. */
function childCall(
  carried: unknown,
  { signer = alice2, claims = {}, rootClaims = {} }: ChildCall = {},
) {
  const header = headerWith('aat+jwt', signer, carried);
  const iss = signer.publicKey.thumbprintUri;
  return present({
    hops: [{ claims: rootClaims }, { signer, header, claims: { iss, iat: now - 30, ...claims } }],
  });
}
interface ChildCall {
  readonly signer?: TestKey;
  readonly claims?: Record<string, unknown>;
  readonly rootClaims?: Record<string, unknown>;
}

/** A call under the root that alice holds, proved by `signer`. */
function proofCall(
  carried: unknown,
  signer: TestKey = alice2,
  claims: Record<string, unknown> = {},
) {
  const header = headerWith('aat-pop+jwt', signer, carried);
  return present({ hops: [{}], proof: { signer, header, claims } });
}

function headerWith(typ: string, { alg }: TestKey, carried: unknown): JsonObject {
  const parameter = carried === undefined ? {} : { taper_rotation: carried };
  return { alg, ...parameter, typ } as JsonObject;
}

function verifierWith(options: Partial<Parameters<typeof createVerifier>[0]> = {}) {
  return createVerifier({ anchors, audience: CAST.audience, ...options });
}

function judge(
  call: ReturnType<typeof present>,
  verifier = verifierWith(),
  at = call.now,
): Decision {
  const { chain, pop, tool, args_json: args } = call;
  return verifier.authorize({
    presentation: { aat_chain: chain, aat_pop: pop },
    tool,
    args,
    now: at,
  });
}

/** What a call comes to: `permit`, or code and reason. */
function outcome(decision: Decision): string {
  if (decision.verdict === 'permit') return 'permit';
  const { code, facts } = decision.denial;
  return facts.reason === undefined ? code : `${code} ${facts.reason}`;
}

describe('a key that was rotated', () => {
  it('derives from a token that the old key holds, by its statement', async () => {
    const decision = judge(childCall([await rotated()]));
    expect(outcome(decision)).toBe('permit');
    expect(decision.verdict === 'permit' && decision.chain.leaf.rotations?.[0]).toMatchObject({
      oldKey: alice.publicKey.thumbprint,
      newKey: alice2.publicKey,
      subject: SUBJECT,
      tenant: 'acme',
      by: 'holder',
    });
  });

  it('proves a call under a token that the old key holds, by its statement', async () => {
    const decision = judge(proofCall([await rotated()]));
    expect(outcome(decision)).toBe('permit');
    const proof = decision.verdict === 'permit' ? decision.proof : undefined;
    expect(proof?.rotations?.map(({ newKey }) => newKey)).toStrictEqual([alice2.publicKey]);
  });

  it('acts by a chain of statements, old to new, across algorithms and root keys', async () => {
    const first = await rotated({ at: now - 120 });
    const second = await rotated({ from: alice2, to: alice3, signer: nextRoot });
    expect(outcome(judge(proofCall([first, second], alice3)))).toBe('permit');
    expect(outcome(judge(childCall([first, second], { signer: alice3 })))).toBe('permit');
    expect(outcome(judge(proofCall([second], alice3)))).toBe('rotation_invalid other_key');
    expect(outcome(judge(proofCall([first], alice3)))).toBe('algorithm_key_mismatch');
    expect(outcome(judge(proofCall([second, first], alice3)))).toBe('rotation_invalid other_key');
  });

  it('acts where the operator rotated without the old key, and the statement says so', async () => {
    const statement = await rotated({ operator: true });
    expect(readRotation(statement)?.by).toBe('operator');
    expect(outcome(judge(proofCall([statement])))).toBe('permit');
    const silent = await rotated({ claims: { consent: undefined } });
    expect(outcome(judge(proofCall([silent])))).toBe('rotation_invalid malformed');
  });

  it('D05: does not act where the statement was stripped', () => {
    expect(outcome(judge(childCall(undefined)))).toBe('signature_invalid');
    expect(outcome(judge(proofCall(undefined)))).toBe('signature_invalid');
  });

  it('does not act by a statement in the payload in place of the header', async () => {
    const taper_rotation = [await rotated()];
    expect(outcome(judge(childCall(undefined, { claims: { taper_rotation } })))).toBe(
      'signature_invalid',
    );
    expect(outcome(judge(proofCall(undefined, alice2, { taper_rotation })))).toBe(
      'signature_invalid',
    );
  });

  it('names itself as the issuer of what it derives, never the old key', async () => {
    const claims = { iss: alice.publicKey.thumbprintUri };
    expect(outcome(judge(childCall([await rotated()], { claims })))).toBe('issuer_mismatch');
  });

  it('leaves the old key no other way to sign beside the statement', async () => {
    expect(outcome(judge(childCall([await rotated()], { signer: alice })))).toBe(
      'signature_invalid',
    );
    expect(outcome(judge(proofCall([await rotated()], alice)))).toBe('signature_invalid');
  });
});

describe('a statement that does not count', () => {
  const refused = async (how: Rotation, reason: string): Promise<void> => {
    const carried = [await rotated(how)];
    const { to = alice2 } = how;
    expect(outcome(judge(proofCall(carried, to)))).toBe(`rotation_invalid ${reason}`);
    expect(outcome(judge(childCall(carried, { signer: to })))).toBe(`rotation_invalid ${reason}`);
  };

  it('Q02: is signed by the new key alone', () => refused({ signer: alice2 }, 'signer_unknown'));
  it('is signed by the old key alone, compromised or not', () =>
    refused({ signer: alice }, 'signer_unknown'));
  it('is signed by the new key in the name of a root', () =>
    refused({ signer: alice2, header: { kid: root.key.publicKey.thumbprint } }, 'signature'));
  it('D10: is signed by the anchor of another issuer', () =>
    refused({ signer: otherRoot.key }, 'signer_unknown'));
  it('D10: is of another issuer, whose anchor signed it', () =>
    refused({ signer: otherRoot.key, issuer: otherRoot.issuer }, 'other_issuer'));
  it('D01: is for another old key', () => refused({ from: bob }, 'other_key'));
  it('makes the key of a root an agent’s', () => refused({ to: nextRoot }, 'key_of_anchor'));
  it('has a consent that another key signed', async () => {
    const { publicKey: oldKey } = alice;
    const common = { issuer: root.issuer, subject: SUBJECT, oldKey, now: now - 60 };
    const newKey = alice2.publicKey;
    const consent = await consentToRotation({ ...common, newKey, signer: alice2.signer });
    await refused({ claims: { consent } }, 'malformed');
    const [head = '', body = ''] = (
      await consentToRotation({ ...common, newKey, signer: alice.signer })
    ).split('.');
    const signature = Buffer.from(bob.sign(Buffer.from(`${head}.${body}`))).toString('base64url');
    await refused({ claims: { consent: `${head}.${body}.${signature}` } }, 'consent');
    const acceptance = `${consent.slice(0, consent.lastIndexOf('.'))}.${signature}`;
    await refused({ claims: { acceptance } }, 'acceptance');
    await refused({ claims: { acceptance: undefined } }, 'malformed');
  });
  it('has a consent to another rotation, or one of long ago', async () => {
    const common = { issuer: root.issuer, subject: SUBJECT, oldKey: alice.publicKey };
    const to = { ...common, signer: alice.signer, newKey: alice2.publicKey };
    const others = [
      { ...to, now, newKey: alice3.publicKey },
      { ...to, now, subject: 'spiffe://example.com/acme/agent/mallory' },
      { ...to, now, issuer: otherRoot.issuer },
      { ...to, now: now - 60 - 301 },
      { ...to, now: now - 60 + 301 },
    ];
    for (const each of others)
      await refused({ claims: { consent: await consentToRotation(each) } }, 'malformed');
    const consent = await consentToRotation({ ...to, now: now - 60 - 300 });
    expect(outcome(judge(proofCall([await rotated({ claims: { consent } })])))).toBe('permit');
  });
  it('says both that the holder consented and that the operator rotated', () =>
    refused({ claims: { by: 'operator' } }, 'malformed'));
  it('has a member that nobody knows, or ends before it begins', async () => {
    await refused({ claims: { tools: {} } }, 'malformed');
    await refused({ claims: { old_until: now - 61 } }, 'malformed');
    await refused({ claims: { sub: 'spiffe://example.com' } }, 'malformed');
    await refused({ claims: { sub: 'spiffe://example.com/../agent/alice' } }, 'malformed');
    await refused({ header: { crit: ['x'] } }, 'malformed');
    await refused({ header: { typ: 'JWT' } }, 'malformed');
  });
  it('is no statement but a token, a proof or a consent', async () => {
    const { chain, pop } = present();
    const common = { issuer: root.issuer, subject: SUBJECT, now };
    const keys = { oldKey: alice.publicKey, newKey: alice2.publicKey, signer: alice.signer };
    for (const other of [chain[0], pop, await consentToRotation({ ...common, ...keys }), ''])
      expect(outcome(judge(proofCall([other])))).toBe('rotation_invalid malformed');
  });
  it('Q01: is newer than what was signed by it', async () => {
    const carried = [await rotated({ at: now - 10 })];
    const claims = { iat: now - 11 };
    expect(outcome(judge(childCall(carried, { claims })))).toBe(
      'rotation_invalid not_yet_in_force',
    );
    expect(outcome(judge(childCall(carried, { claims: { iat: now - 10 } })))).toBe('permit');
    expect(outcome(judge(proofCall(carried, alice2, claims)))).toBe(
      'rotation_invalid not_yet_in_force',
    );
    expect(outcome(judge(proofCall(carried, alice2, { iat: now - 10 })))).toBe('permit');
  });
  it('Q01: is of the future, however what it signs is dated', async () => {
    const carried = [await rotated({ at: now + 31 })];
    expect(outcome(judge(proofCall(carried)))).toBe('rotation_invalid not_yet_in_force');
    const iat = now + 31;
    expect(outcome(judge(proofCall(carried, alice2, { iat })))).toBe('proof_outside_window');
    expect(outcome(judge(childCall(carried, { claims: { iat } })))).toBe('token_issued_in_future');
  });
  it('D08: leads in a loop', async () => {
    const there = await rotated({ at: now - 120 });
    const back = await rotated({ from: alice2, to: alice });
    expect(outcome(judge(proofCall([there, back], alice)))).toBe('rotation_invalid key_repeated');
  });
  it('is older than the one before it', async () => {
    const first = await rotated({ at: now - 60 });
    const second = await rotated({ from: alice2, to: alice3, at: now - 61 });
    expect(outcome(judge(proofCall([first, second], alice3)))).toBe('rotation_invalid order');
  });
  it('goes on with another agent', async () => {
    const first = await rotated({ at: now - 120 });
    const subject = 'spiffe://example.com/acme/agent/mallory';
    const second = await rotated({ from: alice2, to: alice3, subject });
    expect(outcome(judge(proofCall([first, second], alice3)))).toBe(
      'rotation_invalid other_subject',
    );
  });
  it('Q04: is of another tenant than the root', async () => {
    const verifier = verifierWith({ profile: { tenant: 'acme' } });
    const other = verifierWith({ profile: { tenant: 'globex' } });
    const call = async (tenant: string) => {
      const proof = {
        signer: alice2,
        header: headerWith('aat-pop+jwt', alice2, [await rotated()]),
      };
      const header = { alg: 'Ed25519', crit: ['taper'], taper: 1, typ: 'aat+jwt' };
      return present({ hops: [{ claims: { taper: { tenant } }, header }], proof });
    };
    expect(outcome(judge(await call('acme'), verifier))).toBe('permit');
    expect(outcome(judge(await call('globex'), other))).toBe('rotation_invalid other_tenant');
  });
  it('stands above a root, which nobody can sign for a root issuer', async () => {
    const rotate = await rotated({ from: root.key, to: alice2 });
    const header = headerWith('aat+jwt', alice2, [rotate]);
    const call = present({ hops: [{ signer: alice2, header }] });
    expect(outcome(judge(call))).toBe('rotation_invalid root');
  });
});

describe('the list of statements', () => {
  it('holds one to eight of them', async () => {
    const keys = Array.from({ length: 10 }, (_, index) => testKey(`alice ${index}`));
    const all = [alice, ...keys];
    const statements: string[] = [];
    for (let index = 0; index < 9; index += 1) {
      const [from, to] = [all[index] as TestKey, all[index + 1] as TestKey];
      statements.push(await rotated({ from, to, at: now - 100 + index }));
    }
    expect(outcome(judge(proofCall(statements.slice(0, 8), all[8])))).toBe('permit');
    expect(outcome(judge(proofCall(statements, all[9])))).toBe('rotation_invalid malformed');
    expect(outcome(judge(proofCall([], alice)))).toBe('rotation_invalid malformed');
  });

  it.each([
    ['a string', 'text'],
    ['null', null],
    ['an object', {}],
    ['numbers', [1]],
  ])('is not %s', (_, carried) => {
    expect(outcome(judge(proofCall(carried, alice)))).toBe('rotation_invalid malformed');
    expect(outcome(judge(childCall(carried, { signer: alice })))).toBe(
      'rotation_invalid malformed',
    );
  });
});

describe('a verifier that remembers', () => {
  it('judges anew what can change of a statement it has verified', async () => {
    const verifier = verifierWith();
    const statement = await rotated({ at: now - 10 });
    expect(outcome(judge(proofCall([statement]), verifier))).toBe('permit');
    const early = proofCall([statement], alice2, { iat: now - 11 });
    expect(outcome(judge(early, verifier))).toBe('rotation_invalid not_yet_in_force');
    const other = present({
      hops: [{ holder: bob }],
      proof: { signer: alice2, header: headerWith('aat-pop+jwt', alice2, [statement]) },
    });
    expect(outcome(judge(other, verifier))).toBe('rotation_invalid other_key');
  });

  it('does not count a statement that it knows for the chains of another issuer', async () => {
    const verifier = verifierWith();
    const statement = await rotated();
    expect(outcome(judge(proofCall([statement]), verifier))).toBe('permit');
    const foreign = present({
      hops: [
        {
          signer: otherRoot.key,
          header: { alg: 'ES256', typ: 'aat+jwt' },
          claims: { iss: otherRoot.issuer },
        },
      ],
      proof: { signer: alice2, header: headerWith('aat-pop+jwt', alice2, [statement]) },
    });
    expect(outcome(judge(foreign, verifier))).toBe('rotation_invalid other_issuer');
  });

  it('takes a known chain from its cache only with the statements it was verified with', async () => {
    const verifier = verifierWith();
    const call = childCall([await rotated()]);
    expect(outcome(judge(call, verifier))).toBe('permit');
    const [root1 = '', child = ''] = call.chain;
    const bare = forgeHeader(child, { alg: 'Ed25519', typ: 'aat+jwt' });
    expect(outcome(judge({ ...call, chain: [root1, bare] }, verifier))).toBe('signature_invalid');
    expect(outcome(judge(call, verifier))).toBe('permit');
    expect(outcome(judge(call, verifier, now + 3300))).toBe('token_expired');
  });

  it('gives the same verdicts asynchronously', async () => {
    const verifier = createAsyncVerifier({ anchors, audience: CAST.audience });
    const statement = await rotated();
    const calls = [
      proofCall([statement]),
      childCall([statement]),
      proofCall([await rotated({ signer: alice2 })]),
      childCall([await rotated({ from: bob })]),
      proofCall(undefined),
    ];
    for (const call of [...calls, ...calls]) {
      const { chain, pop, tool, args_json: args } = call;
      const presentation = { aat_chain: chain, aat_pop: pop };
      const decision = await verifier.authorize({ presentation, tool, args, now });
      expect(outcome(decision)).toBe(outcome(judge(call)));
    }
  });

  it('gives the same verdict with no memory at all', async () => {
    const statement = await rotated();
    const verifier = verifierWith({ cacheCharacters: 0 });
    for (let round = 0; round < 2; round += 1) {
      expect(outcome(judge(proofCall([statement]), verifier))).toBe('permit');
      expect(outcome(judge(childCall([statement]), verifier))).toBe('permit');
    }
  });
});

/** The same token under another header, with the signature that it had. */
function forgeHeader(compact: string, header: JsonObject): string {
  const [, payload = '', signature = ''] = compact.split('.');
  return `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}.${signature}`;
}

describe('the makers', () => {
  const rootChain = (): Promise<VerifiedChain> =>
    issue({
      issuer: root.issuer,
      signer: root.key.signer,
      holder: alice.publicKey,
      tools: TOOLS,
      now: now - 200,
      id: testId(1),
      lifetime: 3600,
      maxDepth: 2,
    });
  const common = {
    issuer: root.issuer,
    subject: SUBJECT,
    oldKey: alice.publicKey,
    newKey: alice2.publicKey,
    now: now - 60,
  };
  const made = async (overlap = 0): Promise<string> =>
    rotateKey({
      ...common,
      signer: root.key.signer,
      consent: await consentToRotation({ ...common, signer: alice.signer }),
      acceptance: await consentToRotation({ ...common, signer: alice2.signer }),
      overlap,
      id: 'rotation-1',
    });

  it('make a statement that every verifier takes, and children and proofs by it', async () => {
    const rotation = [await made()];
    const chain = await derive(await rootChain(), {
      signer: alice2.signer,
      rotation,
      holder: bob.publicKey,
      tools: TOOLS,
      now,
      id: testId(2),
      maxDepth: 2,
    });
    const grandchild = await derive(chain, {
      signer: bob.signer,
      holder: carol.publicKey,
      tools: TOOLS,
      now,
      id: testId(3),
    });
    const call = { tool: 'read_file', args: { path: '/data/q3.pdf' }, now };
    const presentations = [
      await prove(grandchild, { ...call, signer: carol.signer, id: testId(4) }),
      await prove(await rootChain(), { ...call, signer: alice2.signer, rotation, id: testId(5) }),
    ];
    for (const presentation of presentations)
      expect(outcome(verifierWith().authorize({ ...call, presentation }))).toBe('permit');
    expect(readRotation(rotation[0] ?? '')).toMatchObject({ oldUntil: now - 60, tenant: 'acme' });
  });

  it('use the statement of another root key where the chain was verified under that, too', async () => {
    const rotation = [await rotated({ signer: nextRoot })];
    const options = {
      signer: alice2.signer,
      rotation,
      holder: bob.publicKey,
      tools: TOOLS,
      now,
      id: testId(2),
    };
    const own = await rootChain();
    await expect(derive(own, options)).rejects.toThrow(RefusedError);
    const verdict = verifierWith().verifyChain(
      own.tokens.map(({ compact }) => compact),
      now,
    );
    if (verdict.verdict !== 'verified') throw new Error('not verified');
    await expect(derive(verdict.chain, options)).resolves.toBeDefined();
  });

  it('refuse what verification would refuse', async () => {
    const chain = await rootChain();
    const rotation = [await made()];
    const child = { holder: bob.publicKey, tools: TOOLS, id: testId(2) };
    const denied = async (promise: Promise<unknown>): Promise<string | undefined> => {
      const error = await promise.catch((cause: unknown) => cause);
      return error instanceof RefusedError ? error.denial.code : undefined;
    };
    const derived = { ...child, now };
    expect(await denied(derive(chain, { ...derived, signer: alice2.signer }))).toBe(
      'issuer_mismatch',
    );
    expect(await denied(derive(chain, { ...derived, signer: alice.signer, rotation }))).toBe(
      'issuer_mismatch',
    );
    const early = { ...child, now: now - 61, signer: alice2.signer, rotation };
    expect(await denied(derive(chain, early))).toBe('rotation_invalid');
    expect(await denied(derive(chain, { ...derived, signer: alice2.signer, rotation: [] }))).toBe(
      'rotation_invalid',
    );
  });

  it('make no statement that no verifier would take', async () => {
    const consent = await consentToRotation({ ...common, signer: alice.signer });
    const acceptance = await consentToRotation({ ...common, signer: alice2.signer });
    const options = {
      ...common,
      signer: root.key.signer,
      consent,
      acceptance,
      overlap: 0,
      id: 'rotation-1',
    };
    const wrong = [
      { ...options, consent: acceptance },
      { ...options, acceptance: consent },
      { ...options, now: now - 361 },
      { ...options, subject: 'spiffe://example.com/acme/agent/bob' },
      { ...options, overlap: -1 },
      { ...options, overlap: 0.5 },
      { ...options, newKey: alice.publicKey },
      { ...options, signer: alice2.signer },
      { ...options, id: '' },
      { ...options, subject: 'alice' },
    ];
    for (const each of wrong)
      await expect(rotateKey(each)).rejects.toMatchObject({ code: 'option_invalid' });
    await expect(consentToRotation({ ...common, signer: bob.signer })).rejects.toBeInstanceOf(
      TaperError,
    );
    await expect(rotateKey(options)).resolves.toBeDefined();
  });
});

describe('a statement by itself', () => {
  it('verifies under the anchors of its issuer and its old key, alike in both drivers', async () => {
    const statement = await rotated();
    const oldKey = alice.publicKey;
    const good = verifyRotation(statement, { anchors, oldKey });
    expect(good).toMatchObject({ ok: true, rotation: { subject: SUBJECT, compact: statement } });
    expect(await verifyRotationAsync(statement, { anchors, oldKey })).toStrictEqual(good);
    const problems = [
      verifyRotation(statement, { anchors: [], oldKey }),
      verifyRotation(statement, { anchors, oldKey: bob.publicKey }),
      verifyRotation('text', { anchors, oldKey }),
    ];
    expect(problems).toMatchObject([
      { ok: false, problem: 'signer_unknown' },
      { ok: false, problem: 'other_key' },
      { ok: false, problem: 'malformed' },
    ]);
  });
});
