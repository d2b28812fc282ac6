export const AUDIT_TABLES = `SELECT 1`;
