import {
  type EpochRecord,
  isRetained,
  oldestIssuedAt,
  type RevocationTarget,
  type RevokedEntry,
  restsOn,
  revokedBy,
  type VerifiedChain,
  type VerifiedRevocationEntry,
} from '@taper/core';
import { createRevokedSet, type RevokedSet } from '../revoked-set/revoked-set.ts';
import { type Accounts, createAccounts } from './account.ts';

/** Where a token was revoked, and until when. Frozen. */
export interface RevokedToken {
  readonly index: number;
  readonly root: string;
  readonly expiresAt: number;
}

/** Where a tenant's tokens were revoked last. Frozen. */
export interface RevokedTenant {
  readonly index: number;
  readonly issuedBefore: number;
}

/** An epoch record in its place. */
export interface LoggedEpoch {
  readonly index: number;
  readonly record: EpochRecord;
}

/** Seconds of the log's time after which forgotten things are looked for again. */
const SWEEP = 3600;

/**
 * What a revocation log says as far as it was read: a function of its entries and of nothing else. `set` stands as of the last
 * epoch record; what was revoked since is found, and committed to by the next.
 */
export class RevocationState {
  /** Entries that were read in order. While the log is written, those up to the last epoch record: what comes after is taken in as it comes. */
  size = 0;
  epoch: LoggedEpoch | undefined;
  /** Times of entries and epoch records never fall below those before: what the next epoch record may say at least. */
  latestTime = 0;
  readonly set: RevokedSet = createRevokedSet();
  readonly tokens: Map<string, RevokedToken> = new Map<string, RevokedToken>();
  /** By thumbprint, the index of the entry. */
  readonly keys: Map<string, number> = new Map<string, number>();
  readonly tenants: Map<string, RevokedTenant> = new Map<string, RevokedTenant>();
  readonly accounts: Accounts;
  #uncommitted: RevokedEntry[] = [];
  #uncovered = 0;
  #nextSweep = 0;

  constructor(quota?: number) {
    this.accounts = createAccounts(quota);
  }

  /** `revocation` entries after the last epoch record. */
  get uncovered(): number {
    return this.#uncovered;
  }

  /** Takes an entry in. Never weakens what is known. */
  apply(entry: VerifiedRevocationEntry, index: number): void {
    this.latestTime = Math.max(this.latestTime, entry.time);
    this.#uncovered += 1;
    for (const revoked of revokedBy(entry)) {
      if (this.#learn(revoked, index)) this.#uncommitted.push(revoked);
    }
  }

  /** Whether an entry was taken in before, from this place. */
  isTaken({ target }: VerifiedRevocationEntry, index: number): boolean {
    switch (target.kind) {
      case 'token':
        return this.tokens.get(target.token)?.index === index;
      case 'key':
        return this.keys.get(target.key) === index;
      case 'agent':
        return target.keys.some((key) => this.keys.get(key) === index);
      case 'tenant':
        return this.tenants.get(target.tenant)?.index === index;
    }
  }

  /** Brings the set to what it is at an epoch of this time. */
  commit(time: number): void {
    for (const revoked of this.#uncommitted) this.set.add(revoked);
    this.#uncommitted = [];
    this.set.prune(time);
  }

  /** Takes an epoch record in, to whose time the set has been brought. */
  applyEpoch(record: EpochRecord, index: number): void {
    this.epoch = Object.freeze({ index, record });
    this.latestTime = Math.max(this.latestTime, record.time);
    this.#uncovered = 0;
    if (record.time < this.#nextSweep) return;
    this.#nextSweep = record.time + SWEEP;
    this.accounts.prune(record.time);
    for (const [token, { expiresAt }] of this.tokens)
      if (!isRetained(expiresAt, record.time)) this.tokens.delete(token);
  }

  /** Index of an entry that revokes the target already, until it expires at least. `chain`: that of a token. */
  find(
    target: RevocationTarget,
    expiresAt: number | undefined,
    chain: VerifiedChain | undefined,
  ): number | undefined {
    switch (target.kind) {
      case 'token': {
        const { token, root } = target;
        const own = this.#findToken(token, root, expiresAt as number);
        return own ?? (chain && this.findOnChain(chain, expiresAt as number));
      }
      case 'key':
        return this.keys.get(target.key);
      case 'agent': {
        const indexes = target.keys.map((key) => this.keys.get(key));
        return indexes.includes(undefined) ? undefined : Math.max(...(indexes as number[]));
      }
      case 'tenant': {
        const known = this.tenants.get(target.tenant);
        const reaches = known !== undefined && known.issuedBefore >= target.issued_before;
        return reaches ? known.index : undefined;
      }
    }
  }

  /** The entry that revokes a token of the chain or of those exchanged for its root, a key on them or its tenant's; what it revokes until `expiresAt` at least. */
  findOnChain(chain: VerifiedChain, expiresAt: number): number | undefined {
    const rests = restsOn(chain);
    for (const { tokens } of rests)
      for (const token of tokens) {
        const index = this.#findToken(token, tokens[0] as string, expiresAt);
        if (index !== undefined) return index;
      }
    for (const key of rests.flatMap(({ keys }) => keys)) {
      const index = this.keys.get(key);
      if (index !== undefined) return index;
    }
    const tenant = chain.tokens[0]?.claims.caveats?.tenant;
    const known = tenant === undefined ? undefined : this.tenants.get(tenant);
    return known !== undefined && oldestIssuedAt(chain) < known.issuedBefore
      ? known.index
      : undefined;
  }

  /** Puts back what was kept: a member of the set, with the index of its entry. */
  restore(revoked: RevokedEntry, index: number): boolean {
    return this.#learn(revoked, index) && this.set.add(revoked);
  }

  #findToken(token: string, root: string, expiresAt: number): number | undefined {
    const known = this.tokens.get(token);
    return known?.root === root && known.expiresAt >= expiresAt ? known.index : undefined;
  }

  /** `false` when it is known as strong already. */
  #learn(revoked: RevokedEntry, index: number): boolean {
    switch (revoked.kind) {
      case 'token': {
        const { token, expiresAt } = revoked;
        const root = revoked.root === token ? token : revoked.root;
        const known = this.tokens.get(token);
        if (known?.root === root && known.expiresAt >= expiresAt) return false;
        this.tokens.set(token, Object.freeze({ index, root, expiresAt }));
        return true;
      }
      case 'key':
        if (this.keys.has(revoked.key)) return false;
        this.keys.set(revoked.key, index);
        return true;
      case 'tenant': {
        const { tenant, issuedBefore } = revoked;
        if ((this.tenants.get(tenant)?.issuedBefore ?? -1) >= issuedBefore) return false;
        this.tenants.set(tenant, Object.freeze({ index, issuedBefore }));
        return true;
      }
    }
  }
}
