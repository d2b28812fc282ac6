import type { ChildProcess } from 'node:child_process';
import { start, told } from './child.ts';
import type { Latencies, Ready, Task } from './http-route.ts';
import { median } from './measure.ts';

/** How a server did, with or without its guard; medians of the rounds. */
export interface ServerFigure extends Latencies {
  /** Requests in a second, when more come than it can answer. */
  readonly perSecond: number;
}

export interface HttpFigure {
  readonly framework: string;
  readonly unguarded: ServerFigure;
  readonly guarded: ServerFigure;
  /** Milliseconds by which the guarded server is slower; medians of the rounds' differences. */
  readonly added: Latencies;
}

export interface HttpEffort {
  readonly rounds: number;
  /** Requests a second, at which latency is measured. */
  readonly rate: number;
  /** Requests of one turn. */
  readonly steady: number;
  readonly saturating: number;
}

/** One round of one server. */
type Turn = ServerFigure;

/** Servers with and without a guard under the same load, over loopback; client and servers are processes of their own. */
export async function measureHttp(effort: HttpEffort): Promise<readonly HttpFigure[]> {
  const processes: ChildProcess[] = [];
  try {
    const client = start('http-client.ts', [], processes);
    const anchor: unknown = await told(client);
    const server = start('http-server.ts', [JSON.stringify(anchor)], processes);
    const { ports } = (await told(server)) as Ready;
    const turns = new Map<number, Turn[]>();
    // The round before the first does not count.
    for (let round = -1; round < effort.rounds; round += 1) {
      for (const port of inTurns(ports, round)) {
        const turn = await takeTurn(client, port, effort);
        if (round >= 0) turns.set(port, [...(turns.get(port) ?? []), turn]);
      }
    }
    return Object.entries(ports).map(([framework, { unguarded, guarded }]) =>
      figureOf(framework, turns.get(unguarded) ?? [], turns.get(guarded) ?? []),
    );
  } finally {
    for (const each of processes) each.disconnect();
  }
}

/** Neither of two servers that are compared always comes first. */
function inTurns(ports: Ready['ports'], round: number): readonly number[] {
  return Object.values(ports).flatMap(({ unguarded, guarded }) =>
    round % 2 === 0 ? [unguarded, guarded] : [guarded, unguarded],
  );
}

async function takeTurn(
  client: ChildProcess,
  port: number,
  { rate, steady, saturating }: HttpEffort,
): Promise<Turn> {
  await ask(client, { kind: 'prepare', count: steady });
  const latencies = (await ask(client, { kind: 'steady', port, rate, count: steady })) as Latencies;
  await ask(client, { kind: 'prepare', count: saturating });
  const perSecond = (await ask(client, { kind: 'saturate', port, count: saturating })) as number;
  return { ...latencies, perSecond };
}

function figureOf(
  framework: string,
  unguarded: readonly Turn[],
  guarded: readonly Turn[],
): HttpFigure {
  const added = (what: keyof Latencies): number =>
    median(guarded.map((turn, round) => turn[what] - (unguarded[round]?.[what] ?? NaN)));
  const middle = (turns: readonly Turn[]): ServerFigure => ({
    p50: median(turns.map(({ p50 }) => p50)),
    p99: median(turns.map(({ p99 }) => p99)),
    perSecond: median(turns.map(({ perSecond }) => perSecond)),
  });
  return {
    framework,
    unguarded: middle(unguarded),
    guarded: middle(guarded),
    added: { p50: added('p50'), p99: added('p99') },
  };
}

function ask(client: ChildProcess, task: Task): Promise<unknown> {
  client.send(task);
  return told(client);
}
