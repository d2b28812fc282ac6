import {
  canonicalize,
  createAsyncRevocationVerifier,
  type JsonObject,
  readRevocationLogEntry,
  revokedBy,
  signRevocationEntry,
  type UnverifiedRevocationEntry,
  type VerifiedRevocationRequest,
  verifyRevocationEntry,
  verifyRevocationEntryAsync,
  writeEpochRecord,
} from '@taper/core';
import { CAST, type TestKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import {
  ANCHORS,
  AUTHORITY,
  BOB,
  CAROL,
  CHAIN,
  LOG,
  leafOf,
  NOW,
  request,
  VERIFIER,
} from './scene.ts';

const TRUST = { log: LOG, authority: [AUTHORITY.publicKey] };

async function verified(compact: string): Promise<VerifiedRevocationRequest> {
  const verdict = VERIFIER.verifyRequest(compact, NOW);
  if (!verdict.ok) throw new Error(verdict.problem);
  return verdict.request;
}

async function entryText(by: TestKey = CAROL, signer: TestKey = AUTHORITY): Promise<string> {
  const asked = await verified(await request(by));
  return signRevocationEntry(asked, { log: LOG, time: NOW, signer: signer.signer });
}

function read(text: string): UnverifiedRevocationEntry {
  const entry = readRevocationLogEntry(text);
  if (entry.type !== 'revocation') throw new Error(entry.type);
  return entry.entry;
}

/** An entry changed and signed again by whoever has the authority's key. */
function signedAnew(text: string, changes: JsonObject, key: TestKey = AUTHORITY): string {
  const { signature: _, ...entry } = { ...JSON.parse(text), ...changes };
  const input = `taper-revocation-entry-v1:${canonicalize(entry)}`;
  const signature = Buffer.from(key.sign(Buffer.from(input))).toString('base64url');
  return canonicalize({ ...entry, signature });
}

describe('an entry', () => {
  test('says who revoked what by which right, and carries the request', async () => {
    const compact = await request(CAROL);
    const text = await signRevocationEntry(await verified(compact), {
      log: LOG,
      time: NOW,
      signer: AUTHORITY.signer,
    });
    const { signature: _, ...said } = JSON.parse(text);
    const { exp } = JSON.parse(
      Buffer.from((CHAIN[2] as string).split('.')[1] as string, 'base64url').toString(),
    );
    expect(said).toEqual({
      type: 'revocation',
      version: 1,
      log: LOG,
      time: NOW,
      target: leafOf(CHAIN),
      expires_at: exp,
      by: { key: CAROL.publicKey.thumbprint, role: 'holder' },
      reason: 'unspecified',
      request: compact,
    });
    expect(text).toBe(canonicalize(JSON.parse(text)));
  });

  test('counts when the authority signed it for this log', async () => {
    const entry = read(await entryText());
    const verdict = verifyRevocationEntry(entry, TRUST);
    expect(verdict).toMatchObject({
      ok: true,
      entry: { authority: AUTHORITY.publicKey.thumbprint },
    });
    expect(await verifyRevocationEntryAsync(entry, TRUST)).toEqual(verdict);
  });

  test('M11: of another log, or signed by anybody else, does not', async () => {
    const text = await entryText();
    const elsewhere = { ...TRUST, log: 'log.example.net' };
    expect(verifyRevocationEntry(read(text), elsewhere)).toEqual({
      ok: false,
      problem: 'entry_log_mismatch',
    });
    const forged = signedAnew(text, {}, CAST.mallory);
    expect(verifyRevocationEntry(read(forged), TRUST)).toEqual({
      ok: false,
      problem: 'entry_signature_invalid',
    });
    expect(await verifyRevocationEntryAsync(read(forged), TRUST)).toEqual({
      ok: false,
      problem: 'entry_signature_invalid',
    });
    expect(verifyRevocationEntry(read(signedAnew(text, {})), TRUST)).toMatchObject({ ok: true });
  });

  test('M11: every character of it counts', async () => {
    const text = await entryText();
    for (let at = 0; at < text.length; at += 53) {
      const changed = text.slice(0, at) + (text[at] === 'b' ? 'c' : 'b') + text.slice(at + 1);
      const entry = readRevocationLogEntry(changed);
      const holds = entry.type === 'revocation' && verifyRevocationEntry(entry.entry, TRUST).ok;
      expect(holds, `character ${at}`).toBe(false);
    }
  });

  test('is made of a request that was verified, and of nothing that looks like one', async () => {
    const asked = await verified(await request(CAROL));
    const make = (given: VerifiedRevocationRequest) =>
      signRevocationEntry(given, { log: LOG, time: NOW, signer: AUTHORITY.signer });
    await expect(make({ ...asked })).rejects.toMatchObject({ code: 'not_verified' });
    await expect(make(asked)).resolves.toBeTypeOf('string');
  });

  test.each([
    ['an unknown member', { note: 'x' }],
    ['another version', { version: 2 }],
    ['an unknown role', { by: { key: 'A'.repeat(43), role: 'admin' } }],
    ['a time that is none', { time: -1 }],
    ['a target that lacks its end', { target: { kind: 'key', key: 'A'.repeat(43) } }],
  ] as const)('with %s is a fault, and not skipped', async (_, changes) => {
    const text = signedAnew(await entryText(), changes as unknown as JsonObject);
    expect(readRevocationLogEntry(text)).toEqual({ type: 'malformed', problem: 'entry_malformed' });
  });

  test('that is not in its one form is a fault', async () => {
    const text = await entryText();
    for (const other of [
      ` ${text}`,
      text.replace(':', ': '),
      `${text}\n`,
      text.replace('{', '{"by":1,'),
    ])
      expect(readRevocationLogEntry(other)).toMatchObject({ type: 'malformed' });
    expect(readRevocationLogEntry(new Uint8Array([0xff]))).toMatchObject({ type: 'malformed' });
    expect(readRevocationLogEntry(Buffer.from(text))).toMatchObject({ type: 'revocation' });
  });

  test('of a type that this text does not know is skipped; one without a type is a fault', () => {
    expect(readRevocationLogEntry('{"type":"agent_enrolled"}')).toEqual({ type: 'other' });
    expect(readRevocationLogEntry('{}')).toMatchObject({ type: 'malformed' });
    expect(readRevocationLogEntry('[]')).toMatchObject({ type: 'malformed' });
  });

  test('puts into the set what it names: all keys of an agent at once', () => {
    const keys = ['A'.repeat(43), `B${'A'.repeat(42)}`];
    const entry = {
      target: { kind: 'agent', agent: 'a', keys },
    } as unknown as UnverifiedRevocationEntry;
    expect(revokedBy(entry)).toEqual(keys.map((key) => ({ kind: 'key', key })));
  });
});

describe('the audit of an entry', () => {
  test('passes what the request gives', async () => {
    for (const by of [CAROL, BOB])
      expect(VERIFIER.auditEntry(read(await entryText(by)))).toMatchObject({ ok: true });
  });

  test.each([
    ['the role', { by: { key: CAROL.publicKey.thumbprint, role: 'issuer' } }],
    ['who asked', { by: { key: BOB.publicKey.thumbprint, role: 'holder' } }],
    ['the reason', { reason: 'superseded' }],
    ['the end', { expires_at: NOW + 1 }],
    ['the target', { target: { kind: 'token', token: 'A'.repeat(43), root: leafOf(CHAIN).root } }],
  ] as const)('M14: finds that the authority wrote %s otherwise', async (_, changes) => {
    const entry = read(signedAnew(await entryText(), changes as unknown as JsonObject));
    expect(verifyRevocationEntry(entry, TRUST)).toMatchObject({ ok: true });
    expect(VERIFIER.auditEntry(entry)).toEqual({ ok: false, problem: 'entry_request_mismatch' });
  });

  test('M11: finds that the request gave no right, as of the time of the entry', async () => {
    const stranger = await request(CAST.mallory);
    const entry = read(signedAnew(await entryText(), { request: stranger }));
    const refused = {
      ok: false,
      problem: 'entry_request_refused',
      refusal: 'request_not_entitled',
    };
    expect(VERIFIER.auditEntry(entry)).toEqual(refused);
    const verifier = createAsyncRevocationVerifier({ ...TRUST, anchors: ANCHORS });
    expect(await verifier.auditEntry(entry)).toEqual(refused);
    const late = read(signedAnew(await entryText(), { time: NOW + 86_400 }));
    expect(VERIFIER.auditEntry(late)).toMatchObject({ refusal: 'request_chain_denied' });
  });
});

describe('an epoch record', () => {
  const RECORD = {
    epoch: 1,
    time: NOW,
    nextUpdate: NOW + 1,
    revokedRoot: 'A'.repeat(43),
    size: 0,
    revoked: 0,
  };

  test('is read as it was written, in its one form', () => {
    const text = writeEpochRecord(RECORD);
    expect(text).toBe(
      `{"epoch":1,"next_update":${NOW + 1},"revoked":0,"revoked_root":"${'A'.repeat(43)}","size":0,"time":${NOW},"type":"epoch","version":1}`,
    );
    expect(readRevocationLogEntry(text)).toEqual({ type: 'epoch', record: RECORD });
  });

  test.each([
    ['epoch 0', { epoch: 0 }],
    ['an update that is not later', { nextUpdate: NOW }],
    ['a root that is no hash', { revokedRoot: 'A'.repeat(42) }],
    ['a size that is none', { size: -1 }],
  ])('with %s is a fault', (_, changes) => {
    expect(readRevocationLogEntry(writeEpochRecord({ ...RECORD, ...changes }))).toEqual({
      type: 'malformed',
      problem: 'epoch_malformed',
    });
  });
});
