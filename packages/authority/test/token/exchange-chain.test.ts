import { compareTools, type JsonObject, oldestIssuedAt, restsOn } from '@taper/core';
import { TEST_TIME, testId, testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { makeIdentityDocument } from '../../src/identity/identity-document.ts';
import type { SubjectBounds } from '../../src/issuance/request.ts';
import { AAT_CHAIN, JWT } from '../../src/token/token-type.ts';
import { claimsOf, handOn, verified } from './chains.ts';
import {
  confirmation,
  details,
  type Form,
  KEYS,
  type Office,
  openOffice,
  spiffeId,
  subjectOf,
} from './office.ts';
import { ISSUER, sha256 } from './proofs.ts';

const { desk, till, rival } = KEYS;
const any = { constraint_type: 'wildcard' };
const upTo = (max: number): JsonObject => ({ constraint_type: 'range', max });
const REFUND = (max: number): JsonObject => ({ refund: { order: any, amount: upTo(max) } });

/** A chain that desk handed to till, which may refund up to 40. */
async function handed(office: Office, options: Parameters<typeof handOn>[3] = {}) {
  const root = verified([await office.root(desk)]);
  return handOn(root, desk, till, { tools: REFUND(40) as never, ...options });
}

/** The tools of a token. */
function toolsIn(compact: string): JsonObject {
  const [entry] = claimsOf(compact)['authorization_details'] as readonly JsonObject[];
  return entry?.['tools'] as JsonObject;
}

/** Exchanges, and gives the claims of the root. */
async function exchanged(
  office: Office,
  subject: string,
  form: Form = {},
  key = till,
): Promise<JsonObject> {
  const answer = await office.exchange(key, subject, form);
  if (answer.outcome !== 'ok') throw new Error(answer.outcome);
  return claimsOf(answer.body['access_token'] as string);
}

describe('a chain is exchanged for a root of its holder', () => {
  test('that a verifier takes, and that says whom it is from', async () => {
    const office = await openOffice();
    const chain = await handed(office);
    const { status, body } = await office.exchange(till, subjectOf(chain));
    expect(status).toBe(200);
    expect(body).toMatchObject({
      issued_token_type: AAT_CHAIN,
      token_type: 'N_A',
      expires_in: 3600,
    });
    const root = verified([body['access_token'] as string]);
    const { claims } = root.leaf;
    expect(claims.holder.thumbprint).toBe(till.publicKey.thumbprint);
    expect(claims.caveats?.tenant).toBe('acme');
    expect(toolsIn(root.leaf.compact)).toEqual(REFUND(40));
    expect(claimsOf(root.leaf.compact)).toMatchObject({
      act: { iss: ISSUER, sub: spiffeId('till'), act: { iss: ISSUER, sub: spiffeId('desk') } },
      taper_subject: { kind: 'chain', iss: ISSUER, hash: chain.leaf.hash },
    });
    const issuance = await office.store.read((tx) => tx.findIssuance(root.leaf.hash));
    expect(issuance).toMatchObject({ kind: 'token_exchange', subjectHash: chain.leaf.hash });
  });

  test('of one token, as its holder has it', async () => {
    const office = await openOffice();
    const claims = await exchanged(office, await office.root(desk), {}, desk);
    expect(claims['act']).toEqual({ iss: ISSUER, sub: spiffeId('desk') });
  });

  test('with req_cnf, where that is the same key, and only then', async () => {
    const office = await openOffice();
    const subject = subjectOf(await handed(office));
    const ask = async (key: typeof till) =>
      (await office.exchange(till, subject, { req_cnf: confirmation(key.publicKey) })).outcome;
    expect(await ask(till)).toBe('ok');
    expect(await ask(desk)).toBe('request_malformed: key_not_proved');
  });
});

describe('never more than the chain (D23)', () => {
  test('asking for nothing in particular gives the meet of leaf and grant', async () => {
    const office = await openOffice();
    const root = verified([await office.root(desk)]);
    const wide = await handOn(root, desk, till, { tools: REFUND(95) as never });
    const claims = await exchanged(office, subjectOf(wide));
    // The grant has 90, the leaf 95, the root 100.
    expect(claims['authorization_details']).toEqual([
      { type: 'attenuating_agent_token', tools: REFUND(90) },
    ]);
  });

  test('asking for more gives no more, whatever grant and root have', async () => {
    const office = await openOffice();
    const chain = await handed(office);
    const answer = await office.exchange(till, subjectOf(chain), {
      authorization_details: details({ ...REFUND(90), lookup: { order: any } }),
    });
    const tools = toolsIn(answer.body['access_token'] as string);
    expect(tools).toEqual(REFUND(40));
    expect(compareTools(REFUND(40), tools)).toBeUndefined();
  });

  test('asking only for what the chain does not have gives nothing', async () => {
    const office = await openOffice();
    const answer = await office.exchange(till, subjectOf(await handed(office)), {
      authorization_details: details({ lookup: { order: any } }),
    });
    expect([answer.body['error'], answer.outcome]).toEqual([
      'invalid_authorization_details',
      'grant_none: nothing_in_common',
    ]);
  });

  test('it ends no later, and asking for longer does not help', async () => {
    const office = await openOffice();
    const chain = await handed(office, { lifetime: 120 });
    expect((await exchanged(office, subjectOf(chain)))['exp']).toBe(TEST_TIME + 120);
    expect((await exchanged(office, subjectOf(chain), { lifetime: '3000' }))['exp']).toBe(
      TEST_TIME + 120,
    );
  });

  test('exchanged again and again, it still ends when the first chain did (D22)', async () => {
    const office = await openOffice();
    const chain = await handed(office, { lifetime: 600 });
    let subject = subjectOf(chain);
    for (let time = 0; time < 5; time += 1) {
      office.clock.advance(100);
      const answer = await office.exchange(till, subject);
      subject = answer.body['access_token'] as string;
      expect(claimsOf(subject)['exp']).toBe(TEST_TIME + 600);
    }
    office.clock.advance(100);
    expect((await office.exchange(till, subject)).outcome).toBe('subject_refused: chain');
  });

  test('depth is not reset: the root has what the leaf had left', async () => {
    const office = await openOffice();
    // The grant would allow 8; the root that desk has allows 3, of which one is used up.
    expect((await exchanged(office, subjectOf(await handed(office))))['del_max_depth']).toBe(2);
    const last = await handed(office, { maxDepth: 1 });
    expect((await exchanged(office, subjectOf(last)))['del_max_depth']).toBe(0);
    expect((await exchanged(office, subjectOf(last), { max_depth: '8' }))['del_max_depth']).toBe(0);
  });

  test('audience is what every hop names, and no other can be added', async () => {
    const office = await openOffice();
    const root = verified([
      await office.root(desk, { audience: 'https://a.example', resource: 'https://b.example' }),
    ]);
    const chain = await handOn(root, desk, till, {
      audience: ['https://b.example', 'https://c.example'],
    });
    const subject = subjectOf(chain);
    expect((await exchanged(office, subject))['aud']).toEqual(['https://b.example']);
    for (const audience of ['https://a.example', 'https://c.example', 'https://d.example']) {
      const answer = await office.exchange(till, subject, { audience });
      expect([answer.body['error'], answer.outcome]).toEqual(['invalid_target', 'target_refused']);
    }
    const nowhere = await handOn(root, desk, till, { audience: 'https://c.example' });
    expect((await office.exchange(till, subjectOf(nowhere))).outcome).toBe('target_refused');
  });

  test('a scope is refused: a chain has none', async () => {
    const office = await openOffice();
    const answer = await office.exchange(till, subjectOf(await handed(office)), { scope: 'admin' });
    expect([answer.body['error'], answer.outcome]).toEqual(['invalid_scope', 'scope_refused']);
  });
});

describe('a root that is more than its subject is given to nobody, whoever made it', () => {
  const wrong: readonly [string, (subject: SubjectBounds) => Partial<SubjectBounds>][] = [
    ['more tools', () => ({ tools: REFUND(90) as never })],
    ['more time', ({ expiresAt }) => ({ expiresAt: expiresAt + 1 })],
    ['more depth', ({ maxDepth = 0 }) => ({ maxDepth: maxDepth + 1 })],
    ['more places', () => ({ audience: undefined })],
  ];
  for (const [rule, change] of wrong) {
    test(rule, async () => {
      const failures: unknown[] = [];
      const office = await openOffice({
        misunderstood: (request) =>
          request.subject === undefined
            ? request
            : { ...request, subject: { ...request.subject, ...change(request.subject) } },
        onFailure: (error) => failures.push(error),
      });
      const chain = await handed(office, { audience: 'https://a.example', lifetime: 100 });
      const answer = await office.exchange(till, subjectOf(chain));
      expect([answer.status, answer.body['error']]).toEqual([503, 'temporarily_unavailable']);
      expect(failures).toMatchObject([{ code: 'not_verified' }]);
    });
  }
});

describe('caveats of every hop are kept', () => {
  const hash = sha256('definition');

  test('approvals, definitions, purpose and revocation stand in the root', async () => {
    const office = await openOffice();
    const root = verified([await office.root(desk)]);
    const middle = await handOn(root, desk, desk, {
      caveats: {
        approvals: { refund: { finance: 2 } },
        purpose: 'case-7',
        revocation: { log: 'log.example', epoch: 4, max_staleness: 60 },
      },
    });
    const chain = await handOn(middle, desk, till, {
      caveats: {
        approvals: { refund: { finance: 1, legal: 1 } },
        definitions: { refund: hash },
        revocation: { log: 'log.example', epoch: 3, max_staleness: 30 },
      },
    });
    expect((await exchanged(office, subjectOf(chain)))['taper']).toEqual({
      tenant: 'acme',
      purpose: 'case-7',
      approvals: { refund: { finance: 2, legal: 1 } },
      definitions: { refund: hash },
      revocation: { log: 'log.example', epoch: 4, max_staleness: 30 },
    });
  });

  const uncarried: readonly [string, object, object, string][] = [
    [
      'a budget, which the root would have a second time',
      { budget: { calls: '10' } },
      { budget: { calls: '5' } },
      'budget',
    ],
    ['two purposes', { purpose: 'case-7' }, { purpose: 'case-8' }, 'purpose'],
    [
      'two definitions of a tool',
      { definitions: { refund: hash } },
      { definitions: { refund: sha256('other') } },
      'definitions',
    ],
    [
      'two revocation logs',
      { revocation: { log: 'a.example', epoch: 1, max_staleness: 9 } },
      { revocation: { log: 'b.example', epoch: 1, max_staleness: 9 } },
      'revocation',
    ],
  ];
  for (const [rule, first, second, caveat] of uncarried) {
    test(`${rule} cannot be kept, and so refuses`, async () => {
      const office = await openOffice();
      const root = verified([await office.root(desk)]);
      const middle = await handOn(root, desk, desk, { caveats: first });
      const chain = await handOn(middle, desk, till, { caveats: second });
      const answer = await office.exchange(till, subjectOf(chain));
      expect(answer.outcome).toBe('subject_refused: caveat');
      expect(answer.body['facts']).toMatchObject({ caveat });
      expect(answer.body['error']).toBe('invalid_request');
    });
  }
});

describe('splicing is refused: the actor is the holder that the last hop names', () => {
  test('whoever handed a chain on cannot exchange it, nor can a stranger who has it', async () => {
    const office = await openOffice();
    const subject = subjectOf(await handed(office));
    for (const key of [desk, rival])
      expect((await office.exchange(key, subject)).outcome).toMatch(
        /^(actor_refused: not_named|subject_refused: tenant)$/,
      );
    expect((await office.exchange(desk, subject)).outcome).toBe('actor_refused: not_named');
    expect((await office.exchange(till, subject)).outcome).toBe('ok');
  });

  test("another agent's identity document is no actor token of the client", async () => {
    const office = await openOffice();
    const subject = subjectOf(await handed(office));
    const form = { actor_token: await office.identity(desk) };
    const answer = await office.exchange(till, subject, form);
    expect([answer.body['error'], answer.outcome]).toEqual([
      'invalid_request',
      'actor_refused: not_the_client',
    ]);
  });

  test('nor is one that has the key of the client and the name of another', async () => {
    const office = await openOffice();
    const actor = await makeIdentityDocument({
      issuer: ISSUER,
      signer: KEYS.identity.signer,
      spiffeId: spiffeId('desk'),
      key: till.publicKey,
      now: TEST_TIME,
      expiresAt: TEST_TIME + 60,
      id: testId(9),
    });
    const form = { actor_token: actor };
    expect((await office.exchange(till, subjectOf(await handed(office)), form)).outcome).toBe(
      'actor_refused: not_the_client',
    );
  });

  const unproved: readonly [string, Record<string, unknown>, string][] = [
    ['no subject', { subject_hash: undefined }, 'subject_hash'],
    ['another subject', { subject_hash: sha256('another') }, 'subject_hash'],
    ['no actor', { actor_hash: undefined }, 'actor_hash'],
    ['another actor', { actor_hash: sha256('another') }, 'actor_hash'],
    ['no audience', { aud: undefined }, 'aud'],
    ['another authority (F14)', { aud: 'https://other.example.com' }, 'aud'],
    ['us in a list (F05)', { aud: [ISSUER, 'https://other.example.com'] }, 'aud'],
  ];
  for (const [rule, claims, reason] of unproved) {
    test(`a proof that names ${rule} is invalid_dpop_proof`, async () => {
      const office = await openOffice();
      const answer = await office.exchange(till, subjectOf(await handed(office)), {}, { claims });
      expect([answer.body['error'], answer.outcome]).toEqual([
        'invalid_dpop_proof',
        `possession_unproved: ${reason}`,
      ]);
    });
  }

  test('a hop cannot be cut off, and chains cannot be put together', async () => {
    const office = await openOffice();
    const chain = await handed(office);
    const [root = '', leaf = ''] = subjectOf(chain).split('~');
    const other = await handed(office);
    const [otherRoot = ''] = subjectOf(other).split('~');
    for (const subject of [leaf, `${otherRoot}~${leaf}`, `${leaf}~${root}`, `${root}~${root}`]) {
      const answer = await office.exchange(till, subject);
      expect(answer.outcome).toMatch(/^subject_refused: (chain|issuer)$/);
    }
    expect((await office.exchange(till, root)).outcome).toBe('actor_refused: not_named');
  });

  test('of another tenant there is no way in', async () => {
    const office = await openOffice();
    const root = verified([await office.root(desk)]);
    const chain = await handOn(root, desk, rival);
    expect((await office.exchange(rival, subjectOf(chain))).outcome).toBe(
      'subject_refused: tenant',
    );
  });
});

describe('there is always an actor (D21)', () => {
  const missing: readonly [string, Form, string][] = [
    ['without actor_token', { actor_token: '', actor_token_type: '' }, 'actor_required'],
    [
      'with the type of one alone (RFC 8693 2.1)',
      { actor_token: '' },
      'request_malformed: without_actor_token',
    ],
    [
      'with one without its type (RFC 8693 2.1)',
      { actor_token_type: '' },
      'request_malformed: absent',
    ],
    ['with one of another type', { actor_token_type: AAT_CHAIN }, 'request_malformed: unsupported'],
    ['with one that is none', { actor_token: 'x' }, 'actor_refused: identity_refused'],
  ];
  for (const [rule, form, outcome] of missing) {
    test(`an exchange ${rule} is invalid_request, and no plain exchange`, async () => {
      const office = await openOffice();
      const answer = await office.exchange(till, subjectOf(await handed(office)), form);
      expect([answer.body['error'], answer.outcome]).toEqual(['invalid_request', outcome]);
      expect(answer.body['access_token']).toBeUndefined();
    });
  }
});

describe('act is kept for readers and is no authority (D24)', () => {
  test('re-exchange keeps every actor, the latest outermost', async () => {
    const office = await openOffice();
    const first = await office.exchange(till, subjectOf(await handed(office)));
    const root = verified([first.body['access_token'] as string]);
    const back = await handOn(root, till, desk);
    const claims = await exchanged(office, subjectOf(back), {}, desk);
    const [deskName, tillName] = ['desk', 'till'].map((name) => ({
      iss: ISSUER,
      sub: spiffeId(name),
    }));
    expect(claims['act']).toEqual({ ...deskName, act: { ...tillName, act: deskName } });
    expect(claims['taper_subject']).toMatchObject({
      kind: 'chain',
      hash: back.leaf.hash,
      subject: claimsOf(root.leaf.compact)['taper_subject'],
    });
  });

  test('a holder who is no agent of ours stands there by its key', async () => {
    const office = await openOffice();
    const helper = testKey('helper');
    const root = verified([await office.root(desk)]);
    const chain = await handOn(await handOn(root, desk, helper), helper, till);
    const claims = await exchanged(office, subjectOf(chain));
    expect(claims['act']).toEqual({
      iss: ISSUER,
      sub: spiffeId('till'),
      act: { sub: helper.publicKey.thumbprintUri, act: { iss: ISSUER, sub: spiffeId('desk') } },
    });
  });

  test('what act says opens nothing: the same agent with the same act gets what its own chain has', async () => {
    const office = await openOffice();
    const narrow = await handed(office, { tools: REFUND(1) as never });
    const claims = await exchanged(office, subjectOf(narrow));
    expect(claims['authorization_details']).toEqual([
      { type: 'attenuating_agent_token', tools: REFUND(1) },
    ]);
  });

  test('the chain of exchanges is not without end', async () => {
    const office = await openOffice();
    let subject = subjectOf(await handed(office));
    const outcomes: string[] = [];
    for (let time = 0; time < 10; time += 1) {
      const answer = await office.exchange(till, subject);
      outcomes.push(answer.outcome);
      if (answer.outcome === 'ok') subject = answer.body['access_token'] as string;
    }
    expect(outcomes.slice(0, 8)).toEqual(Array.from({ length: 8 }, () => 'ok'));
    expect(outcomes.slice(8)).toEqual(
      Array.from({ length: 2 }, () => 'subject_refused: exchanged_too_often'),
    );
  });
});

describe('what is revoked is not exchanged (D22)', () => {
  test('a token or a key anywhere on the chain', async () => {
    const office = await openOffice();
    const chain = await handed(office);
    const ids = [
      ...chain.tokens.map(({ hash }) => hash),
      ...chain.tokens.map(({ claims }) => claims.holder.thumbprint),
      KEYS.root.publicKey.thumbprint,
    ];
    for (const id of ids) {
      office.revoked.add(id);
      expect((await office.exchange(till, subjectOf(chain))).outcome).toBe(
        'subject_refused: revoked',
      );
      office.revoked.delete(id);
    }
    expect((await office.exchange(till, subjectOf(chain))).outcome).toBe('ok');
  });

  test('where nobody can say whether it is revoked, it is temporarily_unavailable', async () => {
    const office = await openOffice({
      revoked: () => {
        throw new Error('log down');
      },
    });
    const answer = await office.exchange(till, subjectOf(await handed(office)));
    expect([answer.status, answer.body['error'], answer.outcome]).toEqual([
      503,
      'temporarily_unavailable',
      'unavailable: revocation',
    ]);
  });

  test('an answer that is none counts as revoked', async () => {
    const office = await openOffice({ revoked: (() => undefined) as never });
    const answer = await office.exchange(till, subjectOf(await handed(office)));
    expect(answer.outcome).toBe('subject_refused: revoked');
  });

  test('nor is a root whose chain was revoked after it was exchanged, however often since', async () => {
    const office = await openOffice();
    const chain = await handed(office);
    let subject = subjectOf(chain);
    for (let time = 0; time < 2; time += 1)
      subject = (await office.exchange(till, subject)).body['access_token'] as string;
    const ids = [chain.tokens[0]?.hash, chain.leaf.hash, desk.publicKey.thumbprint];
    for (const id of ids as string[]) {
      office.revoked.add(id);
      expect((await office.exchange(till, subject)).outcome).toBe('subject_refused: revoked');
      office.revoked.delete(id);
    }
    expect((await office.exchange(till, subject)).outcome).toBe('ok');
  });

  const by = { kind: 'operator', id: 'test' } as const;
  test('nor is a root that was exchanged for the chain of an agent which is suspended since', async () => {
    const office = await openOffice();
    const answer = await office.exchange(till, subjectOf(await handed(office)));
    const subject = answer.body['access_token'] as string;
    await office.agents.suspend({ agent: spiffeId('desk'), by });
    expect((await office.exchange(till, subject)).outcome).toBe('subject_refused: actor');
    await office.agents.resume({ agent: spiffeId('desk'), by });
    expect((await office.exchange(till, subject)).outcome).toBe('ok');
  });

  test('nor what an administrator or the authority itself holds: their keys are no agents (Q04)', async () => {
    const office = await openOffice();
    const administrator = testKey('administrator');
    const { thumbprint, jwk } = administrator.publicKey;
    await office.store.transaction((tx) =>
      tx.insertKey({
        thumbprint,
        jwk,
        purpose: 'administrator',
        holder: 'ada',
        state: 'current',
        addedAt: TEST_TIME,
        endsAt: undefined,
      }),
    );
    const root = verified([await office.root(desk)]);
    const chain = await handOn(await handOn(root, desk, administrator), administrator, till);
    expect((await office.exchange(till, subjectOf(chain))).outcome).toBe('subject_refused: holder');
  });

  test('an actor that is suspended exchanges nothing any more, and again once it is resumed', async () => {
    const office = await openOffice();
    const chain = await handed(office);
    const document = await office.identity(till);
    const form = { client_assertion: document, actor_token: document };
    await office.agents.suspend({ agent: spiffeId('till'), by });
    expect((await office.exchange(till, subjectOf(chain), form)).outcome).toBe('agent_suspended');
    await office.agents.resume({ agent: spiffeId('till'), by });
    expect((await office.exchange(till, subjectOf(chain), form)).outcome).toBe('ok');
  });

  test('nor is a chain that came through an agent which is suspended or retired', async () => {
    const office = await openOffice();
    const chain = await handed(office);
    await office.agents.suspend({ agent: spiffeId('desk'), by });
    const answer = await office.exchange(till, subjectOf(chain));
    expect(answer.outcome).toBe('subject_refused: holder');
    expect(answer.body['facts']).toMatchObject({ hop: 0 });
    await office.agents.retire({ agent: spiffeId('desk'), by });
    expect((await office.exchange(till, subjectOf(chain))).outcome).toBe('subject_refused: holder');
  });
});

describe('the subject token', () => {
  const malformed: readonly [string, Form, string][] = [
    ['none', { subject_token: '' }, 'request_malformed: absent'],
    ['without its type', { subject_token_type: '' }, 'request_malformed: absent'],
    [
      'of an unknown type',
      { subject_token_type: 'urn:ietf:params:oauth:token-type:saml2' },
      'request_malformed: unsupported',
    ],
    ['of any JWT', { subject_token_type: JWT }, 'request_malformed: unsupported'],
    [
      'for a token that is not issued here',
      { requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' },
      'request_malformed: unsupported',
    ],
  ];
  for (const [rule, form, outcome] of malformed) {
    test(`${rule} is invalid_request (RFC 8693 2.2.2)`, async () => {
      const office = await openOffice();
      const answer = await office.exchange(till, subjectOf(await handed(office)), form);
      expect([answer.body['error'], answer.outcome]).toEqual(['invalid_request', outcome]);
    });
  }

  test('that is no chain is invalid_request', async () => {
    const office = await openOffice();
    const good = subjectOf(await handed(office));
    const outcomes: string[] = [];
    for (const subject of [
      'x',
      '~',
      `${good}~`,
      `~${good}`,
      good.replace('~', '~~'),
      good.replace('~', ' '),
      'x'.repeat(262_161),
    ]) {
      const answer = await office.exchange(till, subject);
      expect(answer.body['error']).toBe('invalid_request');
      outcomes.push(answer.outcome);
    }
    expect(outcomes).toEqual([
      'subject_refused: issuer',
      'request_malformed: shape',
      'request_malformed: shape',
      'request_malformed: shape',
      'request_malformed: shape',
      'subject_refused: chain',
      'request_malformed: too_long',
    ]);
  });

  test('an AAT sent as an access token or an ID token is none (B12)', async () => {
    const office = await openOffice();
    const subject = subjectOf(await handed(office));
    for (const kind of ['access_token', 'id_token']) {
      const answer = await office.exchange(till, subject, {
        subject_token_type: `urn:ietf:params:oauth:token-type:${kind}`,
      });
      expect([answer.body['error'], answer.outcome.split(':')[0]]).toEqual([
        'invalid_request',
        'subject_refused',
      ]);
    }
  });

  test('of an authority that is not configured stays outside, under whatever name (F08, F13)', async () => {
    const office = await openOffice();
    const { issue } = await import('@taper/core');
    for (const issuer of ['https://staging.example.com', `${ISSUER}/`, `${ISSUER}:443`, ISSUER]) {
      const chain = await issue({
        issuer,
        signer: testKey('staging root').signer,
        holder: till.publicKey,
        tools: REFUND(1) as never,
        caveats: { tenant: 'acme' },
        now: TEST_TIME,
        id: testId(7),
        lifetime: 60,
        maxDepth: 1,
      });
      const answer = await office.exchange(till, subjectOf(chain));
      const reason = issuer === ISSUER ? 'chain' : 'issuer';
      expect(answer.outcome).toBe(`subject_refused: ${reason}`);
    }
  });
});

describe('what is revoked after an exchange is revoked below it (D22, M01, M02)', () => {
  test('for the root names all that its subject rested on, in the shape that verifiers read', async () => {
    const office = await openOffice();
    const subject = await handed(office);
    office.clock.advance(100);
    const first = await office.exchange(till, subjectOf(subject));
    const root = verified([first.body['access_token'] as string], { now: TEST_TIME + 100 });
    expect(restsOn(root).slice(1)).toEqual(restsOn(subject));
    expect(root.leaf.claims.iat).toBe(TEST_TIME + 100);
    expect(oldestIssuedAt(root)).toBe(TEST_TIME);
    const again = await office.exchange(till, subjectOf(root));
    const second = verified([again.body['access_token'] as string], { now: TEST_TIME + 100 });
    expect(restsOn(second).slice(1)).toEqual(restsOn(root));
    expect(oldestIssuedAt(second)).toBe(TEST_TIME);
  });

  test('a root that nothing was exchanged for rests on itself alone', async () => {
    const office = await openOffice();
    expect(restsOn(verified([await office.root(desk)]))).toHaveLength(1);
  });
});

describe('what is taken away between the check and the root is seen (D22, M09, X08)', () => {
  const BY = { kind: 'operator', id: 'test' } as const;
  const taken: readonly [string, (office: Office) => Promise<unknown>, string][] = [
    [
      'an agent further up is suspended',
      ({ agents }) => agents.suspend({ agent: spiffeId('desk'), by: BY }),
      'subject_refused: holder',
    ],
    [
      'the key of one further up is compromised',
      ({ agents }) => agents.markCompromised({ key: desk.publicKey.thumbprint, by: BY }),
      'subject_refused: holder',
    ],
    [
      'the actor is suspended',
      ({ agents }) => agents.suspend({ agent: spiffeId('till'), by: BY }),
      'agent_suspended',
    ],
    ['nothing', async () => undefined, 'ok'],
  ];
  for (const [what, take, outcome] of taken) {
    test(`${what}: ${outcome}`, async () => {
      const office: Office = await openOffice({
        async misunderstood(request) {
          await take(office);
          return request;
        },
      });
      const answer = await office.exchange(till, subjectOf(await handed(office)));
      expect(answer.outcome).toBe(outcome);
    });
  }

  test('an agent that only `act` names is suspended', async () => {
    let exchanges = 0;
    const office: Office = await openOffice({
      async misunderstood(request) {
        exchanges += 1;
        if (exchanges === 2) await office.agents.suspend({ agent: spiffeId('desk'), by: BY });
        return request;
      },
    });
    const { body } = await office.exchange(till, subjectOf(await handed(office)));
    const again = await office.exchange(till, body['access_token'] as string);
    expect(again.outcome).toBe('subject_refused: actor');
  });
});

test.each(['suspend', 'retire'] as const)(
  'an agent that only `act` names is in force, or nothing is exchanged: %s (D22, D24)',
  async (step) => {
    const office = await openOffice();
    const { body } = await office.exchange(till, subjectOf(await handed(office)));
    const root = body['access_token'] as string;
    expect((await office.exchange(till, root)).outcome).toBe('ok');
    await office.agents[step]({ agent: spiffeId('desk'), by: { kind: 'operator', id: 'test' } });
    expect((await office.exchange(till, root)).outcome).toBe('subject_refused: actor');
  },
);
