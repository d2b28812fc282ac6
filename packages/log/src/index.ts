export { createRevokedSet, type RevokedSet } from './revoked-set/revoked-set.ts';
