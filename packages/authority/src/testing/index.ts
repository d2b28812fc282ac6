export { authorityStoreContract } from './authority-store.ts';
export type { AuthorityStoreContract, ContractTest, OpenedAuthorityStore } from './contract.ts';
