export { type AuditSinkContract, auditSinkContract } from './audit-sink.ts';
