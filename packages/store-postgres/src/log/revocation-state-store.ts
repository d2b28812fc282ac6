import type { RevocationStateStore } from '@taper/log';
import type { PostgresDatabase } from '../database.ts';
import { PostgresError } from '../postgres-error.ts';
import { statement } from '../statement.ts';
import { fencedOff, type PostgresLogOptions, requireLogName } from './fence.ts';

/** Characters of lines that one row holds, unless a single line has more. */
const PART_LENGTH = 256 * 1024;

const BEGIN = { begin: 'BEGIN', writes: true } as const;
const OURS = statement('SELECT 1 FROM lease WHERE name = $1 AND fence = $2 FOR SHARE');
const LAST = statement('SELECT coalesce(max(generation), 0) AS last FROM log_state WHERE log = $1');
const ADD = statement(
  'INSERT INTO log_state (log, generation, part, parts, lines) VALUES ($1, $2, $3, 0, $4)',
);
const FINISH = statement('UPDATE log_state SET parts = $3 WHERE log = $1 AND generation = $2');
const REMOVE = statement('DELETE FROM log_state WHERE log = $1 AND generation < $2');
const FIRST = statement(
  'SELECT generation, parts FROM log_state WHERE log = $1 AND part = 0 ORDER BY generation DESC LIMIT 1',
);
const READ = statement(
  'SELECT lines FROM log_state WHERE log = $1 AND generation = $2 AND part = $3',
);

/**
 * A {@link RevocationStateStore} in PostgreSQL, for the holder of a lease: once another holds it, `save` is an exception with code `log_forked`.
 * Where somebody else saves while lines are being read, the rest of them is an exception.
 * @throws {TaperError} `option_invalid`.
 */
export function createPostgresRevocationStateStore(
  database: PostgresDatabase,
  { log, lease }: PostgresLogOptions,
): RevocationStateStore {
  requireLogName(log);

  async function* read(generation: number, parts: number): AsyncGenerator<string> {
    for (let part = 0; part < parts; part += 1) {
      const [row] = await database.query(READ, [log, generation, part]);
      if (row === undefined)
        throw new PostgresError('store_unavailable', 'not_done', 'The state was replaced.');
      const text = String(row['lines']);
      if (text !== '') yield* text.slice(0, -1).split('\n');
    }
  }

  return Object.freeze<RevocationStateStore>({
    async load() {
      const [first] = await database.query(FIRST, [log]);
      return first && read(Number(first['generation']), Number(first['parts']));
    },
    async save(lines) {
      // What an iterable gives, it may give once; a transaction may be tried again.
      const parts = [...inParts(lines)];
      await database.transaction(BEGIN, async ({ query }) => {
        if ((await query(OURS, [lease.name, lease.fence])).length === 0) throw fencedOff(log);
        const generation = Number((await query(LAST, [log]))[0]?.['last']) + 1;
        for (const [part, text] of parts.entries()) await query(ADD, [log, generation, part, text]);
        await query(FINISH, [log, generation, parts.length]);
        await query(REMOVE, [log, generation]);
      });
    },
  });
}

/** Lines, each with its end, some in a part; one part at least. */
function* inParts(lines: Iterable<string>): Generator<string> {
  let part = '';
  let any = false;
  for (const line of lines) {
    part += `${line}\n`;
    if (part.length < PART_LENGTH) continue;
    yield part;
    any = true;
    part = '';
  }
  if (part !== '' || !any) yield part;
}
