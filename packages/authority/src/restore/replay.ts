import {
  importPublicKey,
  type JsonObject,
  type JsonValue,
  type PublicKey,
  TaperError,
  type VerifiedAuthorityEntry,
} from '@taper/core';
import { readAdministrators, writeAdministrators } from '../administration/administrator-record.ts';
import { GRANTS_TYPE } from '../grant/read-grant-set.ts';
import { recordKeyOrigin } from '../identity/key-origin.ts';
import { recordWorkload, rememberWorkloadToken } from '../identity/workload.ts';
import type { AgentState, AuthorityTransaction, KeyRecord } from '../port/store.ts';

/** Does again what an entry says. @returns whether that is all that was done. @throws {TaperError} `log_corrupt` for one that does not say it. */
export async function replayEntry(
  tx: AuthorityTransaction,
  entry: VerifiedAuthorityEntry,
): Promise<boolean> {
  const { event, time, subject, details } = entry;
  switch (event) {
    case 'agent.enrolled':
      await enrol(tx, entry);
      return true;
    case 'agent.suspended':
      await changeAgent(tx, entry, 'suspended');
      return true;
    case 'agent.resumed':
      await changeAgent(tx, entry, 'active');
      return true;
    case 'agent.retired':
      await changeAgent(tx, entry, 'retired');
      for (const key of await tx.listKeys('agent', text(entry, subject, 'agent')))
        await endKey(tx, key, 'former', time);
      return true;
    case 'agent.key_rotated':
      await rotate(tx, entry);
      return true;
    case 'key.compromised': {
      const key = await tx.findKey(text(entry, details, 'key'));
      if (key === undefined) throw corrupt(entry);
      await endKey(tx, key, 'compromised', time);
      await changeAgent(tx, entry);
      return true;
    }
    case 'enrolment.created':
      await tx.insertEnrolment({
        hash: text(entry, subject, 'enrolment'),
        tenant: tenantOf(entry),
        name: text(entry, details, 'name'),
        expiresAt: whole(entry, details, 'expires_at'),
        createdBy: `${entry.by.kind}:${entry.by.id}`,
        agent: undefined,
      });
      return true;
    case 'enrolment.used': {
      const record = await tx.findEnrolment(text(entry, subject, 'enrolment'));
      const agent = text(entry, details, 'agent');
      if (record !== undefined) await tx.updateEnrolment({ ...record, agent });
      return true;
    }
    case 'root.issued':
      await issue(tx, entry);
      return true;
    case 'peer.allowed':
    case 'peer.blocked':
      await tx.putPeerRule({
        tenant: tenantOf(entry),
        agent: text(entry, subject, 'spiffe_id'),
        rule: event === 'peer.allowed' ? 'allow' : 'block',
        reason: text(entry, details, 'reason'),
        addedAt: time,
      });
      return true;
    case 'peer.removed':
      await tx.removePeerRule(tenantOf(entry), text(entry, subject, 'spiffe_id'));
      return true;
    case 'grants.applied':
      // The document is not in the log, and its number is used up.
      await tx.insertGrantSet({
        version: whole(entry, subject, 'version'),
        document: `{"grants":[],"type":"${GRANTS_TYPE}","version":1}`,
        appliedAt: time,
        appliedBy: entry.by.id,
      });
      return false;
    case 'administrator.added':
      await addAdministrator(tx, entry);
      return true;
    case 'administrator.removed':
      await removeAdministrator(tx, entry);
      return true;
    case 'issuance.pending':
    case 'issuance.approved':
    case 'issuance.closed':
    // What was revoked is in the log itself.
    case 'revocation.added':
      return true;
    default:
      return false;
  }
}

async function enrol(tx: AuthorityTransaction, entry: VerifiedAuthorityEntry): Promise<void> {
  const { time, subject } = entry;
  const id = text(entry, subject, 'agent');
  await tx.insertAgent({
    id,
    tenant: tenantOf(entry),
    name: text(entry, subject, 'name'),
    spiffeId: text(entry, subject, 'spiffe_id'),
    state: 'active',
    createdAt: time,
    version: 1,
  });
  await insertKey(tx, entry, id, undefined);
  const { by, details } = entry;
  if (by.kind !== 'workload') return;
  await recordWorkload(tx, id, { issuer: text(entry, details, 'issuer'), subject: by.id });
  await useUpToken(tx, entry);
}

/** The root token is in the administrator's hands, and goes on. */
async function addAdministrator(
  tx: AuthorityTransaction,
  entry: VerifiedAuthorityEntry,
): Promise<void> {
  const { tenant, time, subject } = entry;
  const name = text(entry, subject, 'administrator');
  const { thumbprint, jwk } = keyOf(entry);
  await tx.insertKey({
    thumbprint,
    jwk,
    purpose: 'administrator',
    holder: name,
    state: 'current',
    addedAt: time,
    endsAt: undefined,
  });
  const added = { name, ...(tenant === undefined ? {} : { tenant }), thumbprint, addedAt: time };
  await writeAdministrators(tx, [...(await readAdministrators(tx)), added]);
}

async function removeAdministrator(
  tx: AuthorityTransaction,
  entry: VerifiedAuthorityEntry,
): Promise<void> {
  const { time, subject, details } = entry;
  const name = text(entry, subject, 'administrator');
  const list = await readAdministrators(tx);
  const key = await tx.findKey(text(entry, details, 'key'));
  if (key === undefined || !list.some((each) => each.name === name)) throw corrupt(entry);
  await endKey(tx, key, 'former', time);
  await writeAdministrators(
    tx,
    list.map((each) => (each.name === name ? { ...each, removedAt: time } : each)),
  );
}

/** The token of a workload, which must not serve again. Earlier versions did not say which it was. */
async function useUpToken(tx: AuthorityTransaction, entry: VerifiedAuthorityEntry): Promise<void> {
  const { details, time } = entry;
  if (!Object.hasOwn(details, 'token_hash')) return;
  const hash = text(entry, details, 'token_hash');
  const expiresAt = whole(entry, details, 'token_expires_at');
  await rememberWorkloadToken(tx, { hash, expiresAt }, time);
}

async function changeAgent(
  tx: AuthorityTransaction,
  entry: VerifiedAuthorityEntry,
  state?: AgentState,
): Promise<void> {
  const agent = await tx.findAgent(text(entry, entry.subject, 'agent'));
  if (agent === undefined) throw corrupt(entry);
  await tx.updateAgent({ ...agent, state: state ?? agent.state, version: agent.version + 1 });
}

async function rotate(tx: AuthorityTransaction, entry: VerifiedAuthorityEntry): Promise<void> {
  const { by, details, subject, time } = entry;
  const old = await tx.findKey(text(entry, details, 'old'));
  if (old === undefined) throw corrupt(entry);
  const until = whole(entry, details, 'old_until');
  await endKey(tx, old, until > time ? 'overlapping' : 'former', until);
  const provedBy = by.kind === 'agent' ? old.thumbprint : undefined;
  await insertKey(tx, entry, text(entry, subject, 'agent'), provedBy);
  await changeAgent(tx, entry);
  if (by.kind === 'workload') await useUpToken(tx, entry);
}

/** The state of a key only goes on. */
async function endKey(
  tx: AuthorityTransaction,
  key: KeyRecord,
  state: 'overlapping' | 'former' | 'compromised',
  endsAt: number,
): Promise<void> {
  if (ORDER.indexOf(key.state) >= ORDER.indexOf(state)) return;
  await tx.updateKey({ ...key, state, endsAt: Math.min(endsAt, key.endsAt ?? endsAt) });
}

const ORDER: readonly KeyRecord['state'][] = ['current', 'overlapping', 'former', 'compromised'];

async function insertKey(
  tx: AuthorityTransaction,
  entry: VerifiedAuthorityEntry,
  holder: string,
  provedBy: string | undefined,
): Promise<void> {
  const { thumbprint, jwk } = keyOf(entry);
  await tx.insertKey({
    thumbprint,
    jwk,
    purpose: 'agent',
    holder,
    state: 'current',
    addedAt: entry.time,
    endsAt: undefined,
  });
  await recordKeyOrigin(tx, thumbprint, provedBy);
}

function keyOf(entry: VerifiedAuthorityEntry): PublicKey {
  let key: PublicKey;
  try {
    key = importPublicKey(entry.details['jwk']);
  } catch {
    throw corrupt(entry);
  }
  if (key.thumbprint !== entry.details['key']) throw corrupt(entry);
  return key;
}

async function issue(tx: AuthorityTransaction, entry: VerifiedAuthorityEntry): Promise<void> {
  const { details, subject, time } = entry;
  const kind = text(entry, details, 'kind');
  if (kind !== 'client_credentials' && kind !== 'token_exchange') throw corrupt(entry);
  await tx.insertIssuance({
    jti: text(entry, details, 'jti'),
    tokenHash: text(entry, details, 'token_hash'),
    agent: text(entry, subject, 'agent'),
    tenant: tenantOf(entry),
    grant: text(entry, details, 'grant'),
    grantVersion: whole(entry, details, 'grant_version'),
    kind,
    issuedAt: time,
    expiresAt: whole(entry, details, 'exp'),
    holder: text(entry, details, 'key'),
    subjectHash: Object.hasOwn(details, 'subject_hash')
      ? text(entry, details, 'subject_hash')
      : undefined,
  });
}

function tenantOf(entry: VerifiedAuthorityEntry): string {
  if (entry.tenant === undefined) throw corrupt(entry);
  return entry.tenant;
}

function text(entry: VerifiedAuthorityEntry, object: JsonObject, member: string): string {
  const value = memberOf(object, member);
  if (typeof value !== 'string' || value === '') throw corrupt(entry);
  return value;
}

function whole(entry: VerifiedAuthorityEntry, object: JsonObject, member: string): number {
  const value = memberOf(object, member);
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw corrupt(entry);
  return value as number;
}

function memberOf(object: JsonObject, member: string): JsonValue | undefined {
  return Object.hasOwn(object, member) ? object[member] : undefined;
}

function corrupt({ sequence, event }: VerifiedAuthorityEntry): TaperError {
  return new TaperError(
    'log_corrupt',
    `Entry ${sequence} of the authority's log (${event}) does not say what was done.`,
    { hint: 'The version of Taper that wrote it may know more. See spec/authority-log.md.' },
  );
}
