import type { Migration } from '../migrate.ts';
import { AUDIT_TABLES } from './audit.ts';
import { AUTHORITY_TABLES } from './authority.ts';
import { BUDGET_TABLES } from './budget.ts';
import { LOG_TABLES } from './log.ts';
import { REPLAY_TABLES } from './replay.ts';

/** All steps of the schema, oldest first. Steps are added at the end, and none is ever changed. */
export const MIGRATIONS: readonly Migration[] = Object.freeze([
  { version: 1, name: 'leases and logs', sql: LOG_TABLES },
  { version: 2, name: 'used keys', sql: REPLAY_TABLES },
  { version: 3, name: 'budgets', sql: BUDGET_TABLES },
  { version: 4, name: 'audit events', sql: AUDIT_TABLES },
  { version: 5, name: 'the authority', sql: AUTHORITY_TABLES },
]);
