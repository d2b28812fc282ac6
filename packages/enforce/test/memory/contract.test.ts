import { describe, test } from 'vitest';
import { createMemoryBudgetLedger } from '../../src/memory/budget-ledger.ts';
import { createMemoryReplayStore } from '../../src/memory/replay-store.ts';
import { createMemoryRevocationView } from '../../src/memory/revocation-view.ts';
import {
  budgetLedgerContract,
  type OpenedPort,
  replayStoreContract,
  revocationViewContract,
} from '../../src/testing/index.ts';

/** No other process can have what is in this one's memory. */
async function alone<Port>(port: Port): Promise<OpenedPort<Port>> {
  return { port, peer: port, close: async () => undefined };
}

describe('the replay store in memory', () => {
  replayStoreContract({ test, open: (options) => alone(createMemoryReplayStore(options)) });
});

describe('the budget ledger in memory', () => {
  budgetLedgerContract({ test, open: (options) => alone(createMemoryBudgetLedger(options)) });
});

describe('the revocation view in memory', () => {
  revocationViewContract({ test, open: (options) => alone(createMemoryRevocationView(options)) });
});
