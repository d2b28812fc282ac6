import type { PublicJwk } from '@taper/core';

/** `suspended`: gets nothing and keeps its name and keys. `retired`: for good. */
export type AgentState = 'active' | 'suspended' | 'retired';

/** Times are seconds since the epoch. */
export interface AgentRecord {
  /** UUIDv7; never used again. */
  readonly id: string;
  readonly tenant: string;
  /** Unique within the tenant, for good. */
  readonly name: string;
  /** Unique, for good. */
  readonly spiffeId: string;
  readonly state: AgentState;
  readonly createdAt: number;
  /** From 1; goes up by one with each change. */
  readonly version: number;
}

/**
 * `current`: what the agent signs with. `overlapping`: was replaced, and is accepted until `endsAt`. `former`: was replaced.
 * `compromised`: was revoked.
 */
export type KeyState = 'current' | 'overlapping' | 'former' | 'compromised';

/** A public key that somebody holds, or held. A key serves one holder and one purpose, for good. */
export interface KeyRecord {
  /** RFC 7638. */
  readonly thumbprint: string;
  readonly jwk: PublicJwk;
  readonly purpose: 'agent' | 'administrator' | 'approver' | 'authority';
  /** Of an agent its id; of others a name. */
  readonly holder: string;
  readonly state: KeyState;
  readonly addedAt: number;
  /** When it stops being accepted; `undefined` for one that is current. */
  readonly endsAt: number | undefined;
}

/** A key, and the agent that has or had it; `undefined` for a key that is no agent's. */
export interface HeldKey {
  readonly key: KeyRecord;
  readonly agent: AgentRecord | undefined;
}

/** A one-time admission to enrol. */
export interface EnrolmentRecord {
  /** base64url SHA-256 of the token, which is not kept. */
  readonly hash: string;
  readonly tenant: string;
  readonly name: string;
  readonly expiresAt: number;
  readonly createdBy: string;
  /** The agent that it admitted; `undefined` while it is unused. */
  readonly agent: string | undefined;
}

/** All grants together, as applied at one time. */
export interface GrantSetRecord {
  /** From 1 without a gap. */
  readonly version: number;
  /** Canonical JSON (RFC 8785). */
  readonly document: string;
  readonly appliedAt: number;
  readonly appliedBy: string;
}

/** Which grants stand, without their text. */
export type GrantHead = Pick<GrantSetRecord, 'version' | 'appliedAt'>;

/** A root token that was issued. */
export interface IssuanceRecord {
  readonly jti: string;
  /** base64url SHA-256 of its signing input. */
  readonly tokenHash: string;
  readonly agent: string;
  readonly tenant: string;
  readonly grant: string;
  readonly grantVersion: number;
  readonly kind: 'client_credentials' | 'token_exchange';
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** Thumbprint of the key that it is bound to. */
  readonly holder: string;
  /** Of an exchange: base64url SHA-256 of what was exchanged. */
  readonly subjectHash: string | undefined;
}

/** An issuance that waits for approvals. */
export interface PendingIssuanceRecord {
  readonly id: string;
  readonly tenant: string;
  readonly agent: string;
  readonly grant: string;
  /** Canonical JSON of what would be issued and of the approval request (spec/approval.md). */
  readonly request: string;
  /** Approvals handed in so far, compact. */
  readonly approvals: readonly string[];
  readonly state: 'open' | 'issued' | 'closed';
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly version: number;
}

/** Whom agents of a tenant may deal with. */
export interface PeerRuleRecord {
  readonly tenant: string;
  /** SPIFFE ID of the other agent. */
  readonly agent: string;
  readonly rule: 'allow' | 'block';
  readonly reason: string;
  readonly addedAt: number;
}

/** What has to come into the authority's log. */
export interface OutboxRecord {
  /** From 1 without a gap, in the order of commits. */
  readonly sequence: number;
  /** Canonical JSON of the entry's body, unsigned (spec/authority-log.md). */
  readonly body: string;
  /** Its index in the log; `undefined` until it is there. */
  readonly index: number | undefined;
}

export interface Page {
  /** Records after this one, in the order of the list. */
  readonly after?: string;
  /** 1 to 1000. */
  readonly limit: number;
}

/** Agents, their keys, and their admissions. The rules are {@link AuthorityTransaction}'s. */
export interface AgentRecords {
  findAgent(id: string): Promise<AgentRecord | undefined>;
  findAgentByName(tenant: string, name: string): Promise<AgentRecord | undefined>;
  findAgentBySpiffeId(spiffeId: string): Promise<AgentRecord | undefined>;
  /** As {@link findAgentBySpiffeId} and {@link listKeys} of its keys, asked at one time. */
  findAgentWithKeys(
    spiffeId: string,
  ): Promise<{ readonly agent: AgentRecord; readonly keys: readonly KeyRecord[] } | undefined>;
  listAgents(page: Page & { tenant?: string; state?: AgentState }): Promise<AgentRecord[]>;
  insertAgent(record: AgentRecord): Promise<void>;
  updateAgent(record: AgentRecord): Promise<void>;

  findKey(thumbprint: string): Promise<KeyRecord | undefined>;
  /** As {@link findKey} and {@link findAgent} of its holder, asked at one time. */
  findHeldKey(thumbprint: string): Promise<HeldKey | undefined>;
  listKeys(purpose: KeyRecord['purpose'], holder: string): Promise<KeyRecord[]>;
  insertKey(record: KeyRecord): Promise<void>;
  updateKey(record: KeyRecord): Promise<void>;

  findEnrolment(hash: string): Promise<EnrolmentRecord | undefined>;
  insertEnrolment(record: EnrolmentRecord): Promise<void>;
  updateEnrolment(record: EnrolmentRecord): Promise<void>;
}

/** Grants, what was issued under them or waits to be, and who may deal with whom. The rules are {@link AuthorityTransaction}'s. */
export interface GrantRecords {
  currentGrantSet(): Promise<GrantSetRecord | undefined>;
  /** Of {@link currentGrantSet}: a thousand grants are a long text. */
  currentGrantHead(): Promise<GrantHead | undefined>;
  findGrantSet(version: number): Promise<GrantSetRecord | undefined>;
  /** `store_conflict` unless its version is one more than the current one. */
  insertGrantSet(record: GrantSetRecord): Promise<void>;

  insertIssuance(record: IssuanceRecord): Promise<void>;
  findIssuance(tokenHash: string): Promise<IssuanceRecord | undefined>;
  listIssuances(page: Page & { agent?: string; grant?: string }): Promise<IssuanceRecord[]>;

  findPending(id: string): Promise<PendingIssuanceRecord | undefined>;
  listPending(page: Page & { tenant?: string }): Promise<PendingIssuanceRecord[]>;
  insertPending(record: PendingIssuanceRecord): Promise<void>;
  updatePending(record: PendingIssuanceRecord): Promise<void>;

  listPeerRules(tenant: string): Promise<PeerRuleRecord[]>;
  putPeerRule(record: PeerRuleRecord): Promise<void>;
  removePeerRule(tenant: string, agent: string): Promise<void>;
}

/** What serves once, settings, and what has to come into the log. */
export interface OnceRecords {
  /**
   * Uses up something that serves once, such as the `jti` of an assertion.
   * @param key base64url SHA-256 of what is used.
   * @param expiresAt last second for which it must be remembered.
   * @returns whether this was the first use. One that has expired at `now`, or expires no later than something that was forgotten,
   * is not: `false`.
   */
  useOnce(key: string, expiresAt: number, now: number): Promise<boolean>;
  /** Whether `useOnce` remembers it. That it does not is no promise that it is the first use: that says `useOnce` alone. */
  isUsed(key: string): Promise<boolean>;

  findSetting(name: string): Promise<string | undefined>;
  putSetting(name: string, value: string): Promise<void>;

  /**
   * Hands over the body of an entry for the authority's log: it is there exactly when the transaction is.
   * @param body as core's `writeAuthorityEntryBody` wrote it.
   * @returns its sequence.
   * @throws {TaperError} `option_invalid` for anything else.
   */
  appendEntry(body: string): Promise<number>;
}

/**
 * What can be done within one transaction. Reads see what the transaction itself wrote.
 *
 * - `insert…` is an exception `store_conflict` where something unique is there already, and naming it in `conflict`.
 * - `update…` writes the whole record where the stored version is `record.version - 1` (keys and enrolments: where it exists), and is
 *   `store_conflict` with `version` otherwise, also where it would change what stands for good: anything but state and version of an
 *   agent, which does not come back from `retired`; anything but state and end of a key, whose state only goes on, in the order of
 *   {@link KeyState}; anything but the agent of an enrolment, set once, and its end, which only comes nearer; anything but approvals
 *   and state of a pending issuance, which is `open` no more once it was something else.
 * - Lists are ordered, by text byte by byte: agents and pending issuances by id, issuances by `jti`, keys by `addedAt` and thumbprint,
 *   peer rules by agent. `after` need not be there.
 * - After an exception nothing of the transaction is kept, whatever `work` makes of it, and whatever it does then is refused with the
 *   same.
 * - Once `work` has ended, its transaction does nothing any more: an exception.
 */
export interface AuthorityTransaction extends AgentRecords, GrantRecords, OnceRecords {}

/**
 * Keeps all that the authority knows. A port.
 *
 * - `transaction` runs `work` alone, as if nobody else wrote (serializable), and is done once what it wrote is durable. It may run
 *   `work` again from the start after a conflict, so `work` does nothing but with its transaction. What `work` throws undoes all and is
 *   passed on. No signer and no network is waited for within it.
 * - `read` is the same for one that writes nothing; what would write is refused. It sees all that was done before it was called.
 * - After an exception `store_unavailable` it is not known whether a transaction was done. The store goes on when it can.
 * - A transaction that waits for something else holds up the others; after some seconds it is undone, with `store_unavailable`.
 * - `pendingEntries` answers entries that are not marked, lowest first, without a gap; `lastMarked` the highest that is marked;
 *   `markEntries` says that all up to the last one of `places` stand in the log, each at its index: they go on from the last that is
 *   marked, without a gap and with rising indexes. The same once more changes nothing; anything else is `store_conflict` with
 *   `outbox`, and nothing is marked.
 */
export interface AuthorityStore {
  transaction<T>(work: (tx: AuthorityTransaction) => Promise<T>): Promise<T>;
  read<T>(work: (tx: AuthorityTransaction) => Promise<T>): Promise<T>;
  pendingEntries(limit: number): Promise<OutboxRecord[]>;
  lastMarked(): Promise<OutboxRecord | undefined>;
  /** Of the last entry that was handed over; 0 before the first. */
  lastSequence(): Promise<number>;
  markEntries(places: readonly { sequence: number; index: number }[]): Promise<void>;
  /**
   * Forgets what `useOnce` remembered, where it has expired for more than a minute; enrolments and pending issuances a day after
   * their end; entries that are marked, but for the last one.
   */
  sweep(now: number): Promise<void>;
  /** Ends cheaply. @throws `store_unavailable` where the store does not answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
