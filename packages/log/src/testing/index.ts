export {
  type OpenedWitnessStore,
  type WitnessStoreContract,
  witnessStoreContract,
} from './witness-store.ts';
