export { type CheckpointStoreContract, checkpointStoreContract } from './checkpoint-store.ts';
export type { ContractTest, OpenedStore } from './contract.ts';
export { type TileStoreContract, tileStoreContract } from './tile-store.ts';
export { type ViewStoreContract, viewStoreContract } from './view-store.ts';
export {
  type OpenedWitnessStore,
  type WitnessStoreContract,
  witnessStoreContract,
} from './witness-store.ts';
