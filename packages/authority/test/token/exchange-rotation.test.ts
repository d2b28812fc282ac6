import { consentToRotation } from '@taper/core';
import { TEST_TIME, type TestKey, testKey } from '@taper/testkit';
import { expect, test } from 'vitest';
import { handOn, verified } from './chains.ts';
import { KEYS, type Office, openOffice, spiffeId, subjectOf } from './office.ts';
import { ISSUER } from './proofs.ts';

const { desk, till } = KEYS;
const fresh = testKey('office desk, second');

/** The desk replaces its key. @returns the statement. */
async function rotate({ agents, clock }: Office, overlap: number): Promise<string> {
  const consentBy = ({ signer }: TestKey) =>
    consentToRotation({
      signer,
      issuer: ISSUER,
      subject: spiffeId('desk'),
      oldKey: desk.publicKey,
      newKey: fresh.publicKey,
      now: clock.now(),
    });
  const { statement = '' } = await agents.rotateKey({
    possession: { key: fresh.publicKey },
    acceptance: await consentBy(fresh),
    authority: {
      kind: 'holder',
      oldKey: desk.publicKey.thumbprint,
      consent: await consentBy(desk),
    },
    overlap,
  });
  return statement;
}

test('what the new key hands on by its statement is exchanged, unless the new key is revoked', async () => {
  const office = await openOffice();
  const root = verified([await office.root(desk)]);
  const statement = await rotate(office, 0);
  const chain = await handOn(root, fresh, till, { rotation: [statement] });
  expect((await office.exchange(till, subjectOf(chain))).outcome).toBe('ok');
  office.revoked.add(fresh.publicKey.thumbprint);
  expect((await office.exchange(till, subjectOf(chain))).outcome).toBe('subject_refused: revoked');
});

test('the new key exchanges what it hands to itself, and not what names the old one', async () => {
  const office = await openOffice();
  const root = verified([await office.root(desk)]);
  const statement = await rotate(office, 0);
  expect((await office.exchange(fresh, subjectOf(root))).outcome).toBe('actor_refused: not_named');
  const own = await handOn(root, fresh, fresh, { rotation: [statement] });
  expect((await office.exchange(fresh, subjectOf(own))).outcome).toBe('ok');
});

test('the old key exchanges nothing once its overlap is over', async () => {
  const office = await openOffice();
  const subject = await office.root(desk);
  await rotate(office, 60);
  const document = await office.identity(desk);
  const form = { client_assertion: document, actor_token: document };
  expect((await office.exchange(desk, subject, form)).outcome).toBe('ok');
  office.clock.advance(60);
  expect((await office.exchange(desk, subject, form)).outcome).toMatch(
    /^(identity_refused: expired|key_not_current)$/,
  );
});

test('what the old key handed on after its overlap is not exchanged, and what it did before is', async () => {
  const office = await openOffice();
  const root = verified([await office.root(desk)]);
  await rotate(office, 60);
  const before = await handOn(root, desk, till, { now: TEST_TIME + 59 });
  const after = await handOn(root, desk, till, { now: TEST_TIME + 60 });
  office.clock.advance(60);
  expect((await office.exchange(till, subjectOf(before))).outcome).toBe('ok');
  expect((await office.exchange(till, subjectOf(after))).outcome).toBe(
    'subject_refused: key_rotated',
  );
});

test('a document of the old key is no actor token of the new one, though both name the agent (D01)', async () => {
  const office = await openOffice();
  const root = verified([await office.root(desk)]);
  const statement = await rotate(office, 60);
  const own = await handOn(root, fresh, fresh, { rotation: [statement] });
  const form = { actor_token: await office.identity(desk) };
  expect((await office.exchange(fresh, subjectOf(own), form)).outcome).toBe(
    'actor_refused: not_the_client',
  );
});

test('a root for another key of the same agent is given to nobody, whoever made it', async () => {
  const failures: unknown[] = [];
  const office = await openOffice({
    misunderstood: (request) =>
      request.subject === undefined ? request : { ...request, holder: fresh.publicKey },
    onFailure: (error) => failures.push(error),
  });
  const subject = await office.root(desk);
  const document = await office.identity(desk);
  await rotate(office, 60);
  const form = { client_assertion: document, actor_token: document };
  expect((await office.exchange(desk, subject, form)).status).toBe(503);
  expect(failures).toMatchObject([{ code: 'not_verified' }]);
});
