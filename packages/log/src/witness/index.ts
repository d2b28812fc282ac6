export type { RefusedCheckpoint, WitnessedLog } from './add-checkpoint.ts';
export { originHash } from './origin-hash.ts';
export type { WitnessedCheckpoint, WitnessStore, WitnessWrite } from './store.ts';
export { createWitness, type WitnessOptions, type WitnessService } from './witness.ts';
