export const REPLAY_TABLES = `SELECT 1`;
