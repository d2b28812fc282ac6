import { rejects } from 'node:assert/strict';
import { hash } from 'node:crypto';

/** `test` of any runner. */
export type ContractTest = (title: string, body: () => Promise<void>) => void;

/** A driver as a contract suite gets it: empty, and its own for each test. */
export interface OpenedPort<Port> {
  readonly port: Port;
  /** The same state as another process has it; the port itself where no other process can. */
  readonly peer: Port;
  close(): Promise<void>;
}

/** A time at which the contract suites play: seconds since the epoch. */
export const CONTRACT_TIME = 1_800_000_000;

/** 43 base64url characters, as identifiers of keys, accounts and tokens are. */
export function identifier(name: string): string {
  return hash('sha256', name, 'base64url');
}

/** A port may throw, or reject. */
export async function refuses(act: () => unknown): Promise<void> {
  await rejects(async () => {
    await act();
  });
}

/** How often each answer was given. */
export function tally(answers: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1;
  return counts;
}

/** `test` with a port of its own, which is closed at the end. */
export function withPort<Port, Options>(
  test: ContractTest,
  open: (options: Options) => Promise<OpenedPort<Port>>,
): (title: string, options: Options, body: (port: Port, peer: Port) => Promise<void>) => void {
  return (title, options, body) =>
    test(title, async () => {
      const { port, peer, close } = await open(options);
      try {
        await body(port, peer);
      } finally {
        await close();
      }
    });
}
