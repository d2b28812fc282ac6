export const BUDGET_TABLES = `SELECT 1`;
