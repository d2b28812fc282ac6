import { type AuthorityStoreContract, withStore } from './contract.ts';
import { agentContract } from './store/agents.ts';
import { issuanceContract } from './store/issuances.ts';
import { outboxContract } from './store/outbox.ts';
import { transactionContract } from './store/transactions.ts';

/**
 * Tests that a driver of an `AuthorityStore` keeps what the port promises. The driver is opened so that a transaction that does
 * not end is undone within a second.
 */
export function authorityStoreContract(contract: AuthorityStoreContract): void {
  const check = withStore(contract);
  transactionContract(check);
  agentContract(check);
  issuanceContract(check);
  outboxContract(check);
}
