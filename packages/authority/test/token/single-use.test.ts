import { expect, test } from 'vitest';
import type { AuthorityStore } from '../../src/port/store.ts';
import { AuthorityRefusal } from '../../src/refusal.ts';
import { StoreError } from '../../src/store-error.ts';
import { JWT_BEARER, JWT_SPIFFE } from '../../src/token/client-authentication.ts';
import { createSingleUses } from '../../src/token/single-use.ts';
import {
  answerOf,
  confirmation,
  details,
  type Form,
  formOf,
  KEYS,
  type Office,
  openOffice,
  spiffeId,
} from './office.ts';
import { assertion, dpopProof, TOKEN_URL } from './proofs.ts';

const { desk, rival } = KEYS;
const any = { constraint_type: 'wildcard' };
const WANTED: Form = {
  grant_type: 'client_credentials',
  req_cnf: confirmation(desk.publicKey),
  authorization_details: details({ lookup: { order: any } }),
};
const REPLAYED = 'possession_unproved: replayed';

type Send = (form?: Form, node?: Office['endpoint']) => Promise<string>;

/** One request of desk's, with one proof, to send as often as one likes. */
async function oneRequest(office: Office): Promise<Send> {
  const proof = dpopProof(desk, { claims: { nonce: office.nonces.issue() } });
  const document = await office.identity(desk);
  return async (form = {}, node = office.endpoint) => {
    const body = formOf({
      client_assertion_type: JWT_SPIFFE,
      client_assertion: document,
      ...WANTED,
      ...form,
    });
    const request = new Request(TOKEN_URL, { method: 'POST', headers: { DPoP: proof }, body });
    return (await answerOf(await node(request))).outcome;
  };
}

const issued = async ({ store }: Office): Promise<number> =>
  (await store.read((tx) => tx.listIssuances({ limit: 10 }))).length;

test('of requests with one proof that come at the same time, one is answered, on whichever node (E02, E03)', async () => {
  const office = await openOffice();
  const send = await oneRequest(office);
  const sent = Array.from({ length: 8 }, (_, place) =>
    send({}, place % 2 === 0 ? office.endpoint : office.otherNode),
  );
  expect((await Promise.all(sent)).sort()).toEqual([
    'ok',
    ...Array.from({ length: 7 }, () => REPLAYED),
  ]);
  expect(await issued(office)).toBe(1);
});

test('a proof with which something was refused serves nothing else (E02)', async () => {
  const office = await openOffice();
  for (const [refused, outcome] of [
    [{ grant: 'none' }, 'grant_none: no_grant'],
    [{ scope: 'orders' }, 'scope_refused'],
    [{ authorization_details: '{}' }, 'details_invalid: shape'],
    [{ req_cnf: confirmation(rival.publicKey) }, 'request_malformed: key_not_proved'],
    [{ pending: 'unknown' }, 'pending_unknown'],
  ] as const) {
    const send = await oneRequest(office);
    expect(await send(refused)).toBe(outcome);
    expect(await send({}, office.otherNode)).toBe(REPLAYED);
  }
  expect(await issued(office)).toBe(0);
});

test('a proof that came with somebody else’s credentials is still its owner’s', async () => {
  const office = await openOffice();
  const send = await oneRequest(office);
  expect(await send({ client_assertion: await office.identity(rival) })).toBe(
    'client_unauthenticated: key',
  );
  expect(await send()).toBe('ok');
});

test('an assertion serves one root, whatever proofs come with it, at the same time or later (E02)', async () => {
  const office = await openOffice();
  const text = assertion(desk, spiffeId('desk'));
  const form = { ...WANTED, client_assertion: text, client_assertion_type: JWT_BEARER };
  const ask = async (): Promise<string> => (await office.ask(desk, form)).outcome;
  const otherNode = await oneRequest(office);
  const answers = await Promise.all([ask(), ask(), otherNode(form, office.otherNode)]);
  expect(answers.sort()).toEqual([
    'client_unauthenticated: replayed',
    'client_unauthenticated: replayed',
    'ok',
  ]);
  expect(await ask()).toBe('client_unauthenticated: replayed');
  expect(await issued(office)).toBe(1);
});

/** A store of which the next transaction fails with its outcome unknown, and with `gone` all later ones: the process ends there. */
function failing(how: 'lost' | 'kept', isGone: boolean) {
  let state: 'whole' | 'next' | 'gone' = 'whole';
  return {
    failNext: () => {
      state = 'next';
    },
    restart: () => {
      state = 'whole';
    },
    storeAs: (store: AuthorityStore): AuthorityStore => ({
      ...store,
      async transaction(work) {
        if (state === 'whole') return store.transaction(work);
        const isNext = state === 'next';
        state = isGone ? 'gone' : 'whole';
        if (isNext && how === 'kept') await store.transaction(work);
        throw new StoreError(undefined, 'The answer was lost.');
      },
    }),
  };
}

for (const [how, roots] of [
  ['lost', 0],
  ['kept', 1],
] as const) {
  test(`a proof whose root was ${how} when the store failed serves no other (Z06)`, async () => {
    const { storeAs, failNext } = failing(how, false);
    const office = await openOffice({ storeAs, onFailure: () => undefined });
    const send = await oneRequest(office);
    failNext();
    expect(await send()).toBe('unavailable: store');
    expect(await send()).toBe(REPLAYED);
    expect(await issued(office)).toBe(roots);
  });

  test(`after a crash at which the root was ${how}, its proof serves one root in all (Z06)`, async () => {
    const { storeAs, failNext, restart } = failing(how, true);
    const office = await openOffice({ storeAs, onFailure: () => undefined });
    const send = await oneRequest(office);
    failNext();
    expect(await send()).toBe('unavailable: store');
    restart();
    expect(await send({}, office.otherNode)).toBe(how === 'kept' ? REPLAYED : 'ok');
    expect(await send()).toBe(REPLAYED);
    expect(await issued(office)).toBe(1);
  });
}

test('what does not use a proof up with its root has it used up all the same', async () => {
  const office = await openOffice({
    misunderstood: ({ alongside: _, ...request }) => request,
  });
  const chain = await office.root(desk);
  const nonce = office.nonces.issue();
  const claims = { nonce, jti: 'the same' };
  expect((await office.exchange(desk, chain, {}, { claims })).outcome).toBe('ok');
  expect((await office.exchange(desk, chain, {}, { claims })).outcome).toBe(REPLAYED);
});

test('what is used up, or under way, is not even begun: nothing is signed or asked for it (E02)', async () => {
  let begun = 0;
  const office = await openOffice({
    misunderstood: (request) => {
      begun += 1;
      return request;
    },
  });
  const chain = await office.root(desk);
  const claims = { nonce: office.nonces.issue(), jti: 'the same' };
  const ask = async (): Promise<string> =>
    (await office.exchange(desk, chain, {}, { claims })).outcome;
  expect((await Promise.all([ask(), ask()])).sort()).toEqual(['ok', REPLAYED]);
  expect(await ask()).toBe(REPLAYED);
  expect(begun).toBe(1);
});

test('a refusal is told only once the proof is used up, and what failed may be tried again', async () => {
  const { store, clock } = await openOffice();
  const use = { key: 'a proof', expiresAt: clock.now(), replayed: () => refusal('replayed') };
  const refusal = (code: 'replayed' | 'grant_none') => new AuthorityRefusal(code, 'Refused.');
  let isBroken = true;
  const { serveOnce } = createSingleUses({
    transaction: async (work) => {
      if (isBroken) throw new StoreError(undefined, 'The disk is full.');
      await store.transaction(work);
    },
  });
  const serve = (code: 'grant_none') =>
    serveOnce([use], clock.now(), async () => {
      throw refusal(code);
    });
  await expect(serve('grant_none')).rejects.toMatchObject({ code: 'store_unavailable' });
  isBroken = false;
  await expect(serve('grant_none')).rejects.toMatchObject({ refusal: 'grant_none' });
  await expect(serve('grant_none')).rejects.toMatchObject({ refusal: 'replayed' });
});
