import {
  AUTHORITY_ACTORS,
  AUTHORITY_EVENTS,
  type AuthorityEntryBody,
  type AuthorityEvent,
  authorityEntryBodyText,
  canonicalize,
  isVerifiedAuthorityEntry,
  type JsonObject,
  MAX_AUTHORITY_BODY_SIZE,
  readAuthorityEntryBody,
  readAuthorityLogEntry,
  readRevocationLogEntry,
  signAuthorityEntry,
  type UnverifiedAuthorityEntry,
  verifyAuthorityEntry,
  verifyAuthorityEntryAsync,
  writeAuthorityEntryBody,
} from '@taper/core';
import { type TestKey, testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';

const LOG = 'log.example.com/authority';
const AUTHORITY: TestKey = testKey('authority');
const TRUST = { log: LOG, authority: [AUTHORITY.publicKey] };

const ADA = { kind: 'administrator', id: 'ada' } as const;
const DELEGATE = testKey('delegate').publicKey.thumbprint;

const BODY = {
  time: 1_800_000_000,
  event: 'agent.suspended',
  tenant: 'acme',
  by: { kind: 'administrator', id: 'ada' },
  subject: { agent: '01890a5d-ac96-774b-bcce-b302099a8057' },
  details: { name: 'triage', spiffe_id: 'spiffe://example.com/acme/agent/triage' },
} as const satisfies AuthorityEntryBody & { event: AuthorityEvent };
const TEXT = writeAuthorityEntryBody(BODY);

function signed(body = TEXT, sequence = 7, log = LOG, key = AUTHORITY): Promise<string> {
  return signAuthorityEntry(body, { log, sequence, signer: key.signer });
}

function read(text: string): UnverifiedAuthorityEntry {
  const entry = readAuthorityLogEntry(text);
  if (entry.type !== 'authority') throw new Error(entry.type);
  return entry.entry;
}

/** An entry changed and signed again by whoever has the authority's key. */
function signedAnew(text: string, changes: JsonObject, without: readonly string[] = []): string {
  const changed = { ...JSON.parse(text), ...changes };
  const { signature: _, ...entry } = changed;
  for (const name of without) delete entry[name];
  const input = `taper-authority-entry-v1:${canonicalize(entry)}`;
  const signature = Buffer.from(AUTHORITY.sign(Buffer.from(input))).toString('base64url');
  return canonicalize({ ...entry, signature });
}

describe('an authority entry', () => {
  test('says what happened, when, to whom and by whom, and its place in its log', async () => {
    const text = await signed();
    const { signature, ...said } = JSON.parse(text);
    expect(said).toEqual({ type: 'authority', version: 1, log: LOG, sequence: 7, ...BODY });
    expect(signature).toMatch(/^[A-Za-z0-9_-]{86}$/);
    expect(text).toBe(canonicalize(JSON.parse(text)));
    expect(readAuthorityLogEntry(Buffer.from(text))).toEqual(readAuthorityLogEntry(text));
  });

  test('counts when the authority signed it for this log', async () => {
    const entry = read(await signed());
    const verdict = verifyAuthorityEntry(entry, TRUST);
    expect(verdict).toMatchObject({
      ok: true,
      entry: { ...BODY, log: LOG, sequence: 7, authority: AUTHORITY.publicKey.thumbprint },
    });
    expect(await verifyAuthorityEntryAsync(entry, TRUST)).toEqual(verdict);
    expect(verdict.ok && isVerifiedAuthorityEntry(verdict.entry)).toBe(true);
    expect(verdict.ok && isVerifiedAuthorityEntry({ ...verdict.entry })).toBe(false);
    expect(isVerifiedAuthorityEntry(entry)).toBe(false);
  });

  test('counts under any of the authority’s keys, and under ES256', async () => {
    const other = testKey('other', 'ES256');
    const entry = read(
      await signAuthorityEntry(TEXT, { log: LOG, sequence: 1, signer: other.signer }),
    );
    const authority = [AUTHORITY.publicKey, other.publicKey];
    expect(verifyAuthorityEntry(entry, { log: LOG, authority })).toMatchObject({ ok: true });
    expect(verifyAuthorityEntry(entry, TRUST)).toEqual({
      ok: false,
      problem: 'entry_signature_invalid',
    });
  });

  test('counts in no other log and under no other key', async () => {
    const entry = read(await signed());
    expect(verifyAuthorityEntry(entry, { ...TRUST, log: `${LOG}/other` })).toEqual({
      ok: false,
      problem: 'entry_log_mismatch',
    });
    for (const authority of [[], [testKey('other').publicKey]])
      expect(verifyAuthorityEntry(entry, { log: LOG, authority })).toEqual({
        ok: false,
        problem: 'entry_signature_invalid',
      });
    expect(
      await verifyAuthorityEntryAsync(entry, { log: LOG, authority: [testKey('other').publicKey] }),
    ).toEqual({ ok: false, problem: 'entry_signature_invalid' });
  });

  test('is signed in every member', async () => {
    const text = await signed();
    const changes: readonly JsonObject[] = [
      { sequence: 8 },
      { time: BODY.time + 1 },
      { event: 'agent.resumed' },
      { tenant: 'other' },
      { by: { kind: 'operator', id: 'ada' } },
      { by: { kind: 'administrator', id: 'eve' } },
      { subject: {} },
      { details: { ...BODY.details, name: 'deployer' } },
    ];
    for (const change of changes) {
      const entry = read(canonicalize({ ...JSON.parse(text), ...change }));
      expect(verifyAuthorityEntry(entry, TRUST)).toMatchObject({ ok: false });
      expect(verifyAuthorityEntry(read(signedAnew(text, change)), TRUST)).toMatchObject({
        ok: true,
      });
    }
    const { tenant: _, ...without } = JSON.parse(text);
    expect(verifyAuthorityEntry(read(canonicalize(without)), TRUST)).toMatchObject({ ok: false });
  });

  test('cannot be what the authority signed as a revocation, nor the other way round', async () => {
    const text = await signed();
    expect(readRevocationLogEntry(text)).toEqual({ type: 'other' });
    const { signature: _, ...entry } = JSON.parse(text);
    const input = `taper-revocation-entry-v1:${canonicalize(entry)}`;
    const signature = Buffer.from(AUTHORITY.sign(Buffer.from(input))).toString('base64url');
    expect(verifyAuthorityEntry(read(canonicalize({ ...entry, signature })), TRUST)).toEqual({
      ok: false,
      problem: 'entry_signature_invalid',
    });
  });

  test('of another type is another’s, and is not read here', () => {
    for (const type of ['epoch', 'revocation', 'authority2', 'something'])
      expect(readAuthorityLogEntry(`{"type":"${type}"}`)).toEqual({ type: 'other' });
  });

  test('of an event that is not known yet is read; one of another version is a fault', async () => {
    const text = await signed();
    const later = read(signedAnew(text, { event: 'agent.promoted' }));
    expect(verifyAuthorityEntry(later, TRUST)).toMatchObject({ ok: true });
    expect(readAuthorityLogEntry(signedAnew(text, { version: 2 }))).toMatchObject({
      type: 'malformed',
    });
  });

  test('may name the key that an administrator had handed on to', async () => {
    const by = { ...ADA, delegate: DELEGATE } as const;
    const entry = read(await signed(writeAuthorityEntryBody({ ...BODY, by })));
    const verdict = verifyAuthorityEntry(entry, TRUST);
    expect(verdict).toMatchObject({ ok: true, entry: { by } });
    if (verdict.ok)
      expect(authorityEntryBodyText(verdict.entry)).toBe(writeAuthorityEntryBody({ ...BODY, by }));
    const self = read(await signed(writeAuthorityEntryBody({ ...BODY, by: ADA })));
    expect(self.by).toEqual(ADA);
  });

  test('may be about no tenant', async () => {
    const { tenant: _, ...rest } = BODY;
    const entry = read(await signed(writeAuthorityEntryBody(rest)));
    expect(Object.hasOwn(entry, 'tenant')).toBe(false);
    const verdict = verifyAuthorityEntry(entry, TRUST);
    expect(verdict.ok && Object.hasOwn(verdict.entry, 'tenant')).toBe(false);
  });

  const faults: readonly [string, JsonObject, string[]?][] = [
    ['without a log', {}, ['log']],
    ['with an empty log', { log: '' }],
    ['without a sequence', {}, ['sequence']],
    ['with sequence 0', { sequence: 0 }],
    ['with a broken sequence', { sequence: 1.5 }],
    ['without a time', {}, ['time']],
    ['with a time before all time', { time: -1 }],
    ['with a time as text', { time: '1800000000' }],
    ['without an event', {}, ['event']],
    ['with an event of one word', { event: 'suspended' }],
    ['with an event in capitals', { event: 'Agent.suspended' }],
    ['with an event of 65 characters', { event: `a.${'b'.repeat(63)}` }],
    ['with an empty tenant', { tenant: '' }],
    ['with a tenant that is null', { tenant: null }],
    ['with a control character in the tenant', { tenant: 'a\u0000' }],
    ['without who did it', {}, ['by']],
    ['done by an unknown kind', { by: { kind: 'root', id: 'ada' } }],
    ['done by nobody', { by: { kind: 'operator', id: '' } }],
    ['with more of who did it', { by: { kind: 'operator', id: 'ada', role: 'x' } }],
    ['with a delegate of nobody', { by: { kind: 'administrator', delegate: DELEGATE } }],
    ['with a delegate that is no thumbprint', { by: { ...ADA, delegate: 'ada' } }],
    ['with a delegate that is null', { by: { ...ADA, delegate: null } }],
    ['with a delegate of an agent', { by: { ...ADA, kind: 'agent', delegate: DELEGATE } }],
    ['with more than a delegate', { by: { ...ADA, delegate: DELEGATE, role: 'x' } }],
    ['with an id of 1025 characters', { by: { kind: 'operator', id: 'a'.repeat(1025) } }],
    ['without a subject', {}, ['subject']],
    ['with a list as subject', { subject: [] }],
    ['without details', {}, ['details']],
    ['with details that are null', { details: null }],
    ['with an unknown member', { note: 'hello' }],
    ['with the version as text', { version: '1' }],
  ];
  test.each(faults)('%s is a fault of the log, even signed', async (_, changes, without = []) => {
    const text = signedAnew(await signed(), changes, without);
    expect(readAuthorityLogEntry(text)).toEqual({
      type: 'malformed',
      problem: 'authority_entry_malformed',
    });
  });

  test('with a signature of another length is a fault of the log', async () => {
    const entry = JSON.parse(await signed());
    for (const signature of ['', 'A'.repeat(85), 'A'.repeat(87), 7, null])
      expect(readAuthorityLogEntry(canonicalize({ ...entry, signature })).type).toBe('malformed');
    const { signature: _, ...unsigned } = entry;
    expect(readAuthorityLogEntry(canonicalize(unsigned)).type).toBe('malformed');
  });

  test('in any other text than the canonical one is a fault of the log', async () => {
    const text = await signed();
    const others = [
      ` ${text}`,
      `${text}\n`,
      text.replace('{"by"', '{ "by"'),
      text.replace('"sequence":7', '"sequence":7.0'),
      text.replace('"sequence":7', '"sequence":6,"sequence":7'),
      text.replace('"acme"', '"\\u0061cme"'),
      text.slice(0, -1),
      '',
      '[]',
      'null',
      '{}',
    ];
    for (const other of others) expect(readAuthorityLogEntry(other).type).toBe('malformed');
    expect(readAuthorityLogEntry(Uint8Array.of(0xff)).type).toBe('malformed');
  });

  test('larger than a log takes is a fault of the log', async () => {
    const details = { filler: 'x'.repeat(65_535) };
    expect(readAuthorityLogEntry(signedAnew(await signed(), { details })).type).toBe('malformed');
  });
});

describe('the body of an authority entry', () => {
  test('is one text, whatever the order in which it was put together', () => {
    const { time, event, tenant, by, subject, details } = BODY;
    const again = writeAuthorityEntryBody({ details, subject, by, tenant, event, time });
    expect(again).toBe(TEXT);
    expect(readAuthorityEntryBody(TEXT)).toEqual(BODY);
  });

  test('comes out of the entry as it went in', async () => {
    expect(authorityEntryBodyText(read(await signed()))).toBe(TEXT);
    const { tenant: _, ...rest } = BODY;
    const text = writeAuthorityEntryBody(rest);
    expect(authorityEntryBodyText(read(await signed(text)))).toBe(text);
  });

  test.each(AUTHORITY_EVENTS)('is written for %s', (event) => {
    expect(readAuthorityEntryBody(writeAuthorityEntryBody({ ...BODY, event }))?.event).toBe(event);
  });

  test.each(AUTHORITY_ACTORS)('is written for what %s did', (kind) => {
    const by = { kind, id: 'x' };
    expect(readAuthorityEntryBody(writeAuthorityEntryBody({ ...BODY, by }))?.by).toEqual(by);
  });

  test('is not written for an event that nobody knows, nor with anything missing or added', () => {
    const wrong: unknown[] = [
      { ...BODY, event: 'agent.promoted' },
      { ...BODY, time: undefined },
      { ...BODY, tenant: undefined },
      { ...BODY, time: 1.5 },
      { ...BODY, type: 'authority' },
      { ...BODY, sequence: 1 },
      { ...BODY, details: undefined },
      { ...BODY, details: { at: new Date(0) } },
      { ...BODY, by: { kind: 'operator' } },
      null,
      [],
      'body',
    ];
    for (const body of wrong)
      expect(() => writeAuthorityEntryBody(body as typeof BODY)).toThrow(
        expect.objectContaining({ code: 'option_invalid' }),
      );
  });

  test('is refused where its entry would not fit into a log', async () => {
    const room =
      MAX_AUTHORITY_BODY_SIZE - writeAuthorityEntryBody({ ...BODY, details: { x: '' } }).length;
    const largest = writeAuthorityEntryBody({ ...BODY, details: { x: 'x'.repeat(room) } });
    expect(read(await signed(largest, 2 ** 53 - 1, 'l'.repeat(256))).sequence).toBe(2 ** 53 - 1);
    for (const x of ['x'.repeat(room + 1), 'é'.repeat(room / 2 + 1)])
      expect(() => writeAuthorityEntryBody({ ...BODY, details: { x } })).toThrow(
        expect.objectContaining({ code: 'entry_too_large' }),
      );
    expect(readAuthorityEntryBody(largest.replace('"x":"', '"x":"x'))).toBeUndefined();
  });

  test('is signed only as a body, for a log, at a place', async () => {
    const invalid = { code: 'option_invalid' };
    await expect(signed(await signed())).rejects.toMatchObject(invalid);
    await expect(signed(`${TEXT} `)).rejects.toMatchObject(invalid);
    await expect(signed(TEXT, 0)).rejects.toMatchObject(invalid);
    await expect(signed(TEXT, 1.5)).rejects.toMatchObject(invalid);
    await expect(signed(TEXT, 1, '')).rejects.toMatchObject(invalid);
  });

  test('is not let out under a signature that does not verify', async () => {
    const signer = { ...AUTHORITY.signer, publicKey: testKey('other').publicKey };
    await expect(signAuthorityEntry(TEXT, { log: LOG, sequence: 1, signer })).rejects.toMatchObject(
      { code: 'signing_failed' },
    );
  });
});
