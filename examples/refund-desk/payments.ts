import { DatabaseSync } from 'node:sqlite';

export interface Refund {
  readonly order: string;
  /** Euro, as decimal text. */
  readonly amount: string;
  readonly reason: string;
}

/** What the payment API has paid back. */
export interface Payments {
  /** Pays, and books it. An order is refunded once; the answer is whether it has been now. */
  refund(refund: Refund): boolean;
  refunds(): readonly Refund[];
}

/** Opens the books, or makes them. */
export function openPayments(file: string): Payments {
  const database = new DatabaseSync(file);
  database.exec(`create table if not exists refunds (
    "order" text primary key, amount text not null, reason text not null
  ) strict`);
  const book = database.prepare('insert or ignore into refunds values (?, ?, ?)');
  const all = database.prepare('select "order", amount, reason from refunds order by "order"');
  return {
    refund: ({ order, amount, reason }) => book.run(order, amount, reason).changes === 1,
    refunds: () => all.all() as never,
  };
}
