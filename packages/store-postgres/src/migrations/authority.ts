export const AUTHORITY_TABLES = `SELECT 1`;
