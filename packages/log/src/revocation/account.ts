import { TaperError, type VerifiedChain, type VerifiedRevocationRequest } from '@taper/core';

/** Entries that each account of a root token holds, unless the authority says otherwise. */
const DEFAULT_QUOTA = 4096;

/** By how much less each further hop may. */
const STEP = 8;

/** What is left to who has little: enough to take back what it did itself. */
const LEAST = 4;

/** What was charged under one token. Frozen: a charge makes a new one. */
export interface Account {
  /** Entries that its holder asked for. */
  readonly own: number;
  /** Entries that holders below it asked for. */
  readonly below: number;
  /** `exp` of the token, seconds since the epoch. */
  readonly expiresAt: number;
}

/** How much of the log the holders under each token have used (spec/revocation.md section 4.1). */
export interface Accounts {
  readonly size: number;
  /** Charges for a request, all accounts or none. `false` when one of them is full. */
  charge(request: VerifiedRevocationRequest): boolean;
  /** As {@link charge}, for an entry that is in the log whatever the accounts say. */
  record(request: VerifiedRevocationRequest): void;
  /** Takes a charge back, of an entry that did not come into the log. */
  refund(request: VerifiedRevocationRequest): void;
  /** Forgets the accounts of tokens that have expired at `time`. */
  prune(time: number): void;
  /** By token. */
  readonly all: ReadonlyMap<string, Account>;
  restore(token: string, account: Account): void;
}

/** @param quota what a root's account holds. @throws {TaperError} `option_invalid`. */
export function createAccounts(quota: number = DEFAULT_QUOTA): Accounts {
  if (!Number.isSafeInteger(quota) || quota < LEAST)
    throw new TaperError('option_invalid', `\`quota\` must be a whole number, ${LEAST} or more.`);
  const accounts = new Map<string, Account>();

  function add(request: VerifiedRevocationRequest, count: 1 | -1): void {
    for (const { token, expiresAt, which } of chargesOf(request)) {
      const { own, below } = accounts.get(token) ?? { own: 0, below: 0 };
      const changed = which === 'own' ? { own: own + count, below } : { own, below: below + count };
      if (changed.own === 0 && changed.below === 0) accounts.delete(token);
      else accounts.set(token, Object.freeze({ ...changed, expiresAt }));
    }
  }

  return {
    get size() {
      return accounts.size;
    },
    charge(request) {
      const isFull = chargesOf(request).some(
        ({ token, hop, which }) => (accounts.get(token)?.[which] ?? 0) >= limitAt(hop, quota),
      );
      if (!isFull) add(request, 1);
      return !isFull;
    },
    record: (request) => add(request, 1),
    refund: (request) => add(request, -1),
    prune(time) {
      for (const [token, { expiresAt }] of accounts) if (expiresAt <= time) accounts.delete(token);
    },
    all: accounts,
    restore: (token, account) => void accounts.set(token, Object.freeze({ ...account })),
  };
}

function limitAt(hop: number, quota: number): number {
  return Math.max(LEAST, Math.floor(quota / STEP ** hop));
}

interface Charge {
  readonly token: string;
  readonly hop: number;
  readonly expiresAt: number;
  readonly which: 'own' | 'below';
}

/** The accounts that a request is charged to; none for the authority and for the anchor. */
function chargesOf(request: VerifiedRevocationRequest): readonly Charge[] {
  const { chain, hop } = request;
  if (chain === undefined || hop === undefined) return [];
  const charges: Charge[] = [];
  for (let at = 0; at <= hop; at++) {
    const { hash: token, claims } = chain.tokens[at] as VerifiedChain['leaf'];
    // A last resort is not its own to use up: each token and each key is revoked once.
    if (at === hop && isLastResort(request, chain)) break;
    charges.push({ token, hop: at, expiresAt: claims.exp, which: at === hop ? 'own' : 'below' });
  }
  return charges;
}

function isLastResort(
  { target, requester, hop }: VerifiedRevocationRequest,
  { tokens }: VerifiedChain,
): boolean {
  if (target.kind === 'key') return target.key === requester;
  return target.kind === 'token' && target.token === tokens[hop as number]?.hash;
}
