import { hash } from 'node:crypto';
import { afterEach } from 'vitest';
import {
  type FollowerProblem,
  openRevocationFollower,
  type RevocationFollower,
  type RevocationFollowerOptions,
  type ViewQuery,
} from '../../src/index.ts';
import { ScriptedLog, START } from './scripted-log.ts';
import { type ScriptedServer, startServer } from './scripted-server.ts';

export const identifier = (name: string): string => hash('sha256', name, 'base64url');

/** So long that a test decides when to ask for news. */
export const NEVER = 2 ** 30;

export function query(changes: Partial<ViewQuery> = {}): ViewQuery {
  const all = {
    tokens: ['root', 'leaf'].map(identifier),
    keys: ['anchor', 'first holder', 'second holder'].map(identifier),
    tenant: undefined,
    oldestIssuedAt: START - 100,
    logs: [],
    epochs: new Map<string, number>(),
    acting: [],
    evidence: undefined,
    ...changes,
  };
  return { chains: [{ tokens: all.tokens, keys: all.keys }], ...all };
}

export interface Scene {
  readonly log: ScriptedLog;
  readonly server: ScriptedServer;
  readonly follower: RevocationFollower;
  readonly problems: FollowerProblem[];
  readonly clock: { time: number };
  codes(): string[];
  verdict(changes?: Partial<ViewQuery>): string;
  asOf(): number;
  /** One epoch, `seconds` later, under a checkpoint that is served. */
  tick(seconds?: number): Promise<void>;
  /** Another follower of the same log. */
  follow(options?: Partial<RevocationFollowerOptions>): Promise<RevocationFollower>;
  /** Waits until something is so. */
  until(isSo: () => boolean): Promise<void>;
}

export interface SceneOptions {
  readonly log?: ScriptedLog;
  readonly quorum?: number;
  readonly options?: Partial<RevocationFollowerOptions>;
  /** Before the follower begins. */
  readonly before?: (log: ScriptedLog, server: ScriptedServer) => Promise<void>;
}

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A log with one epoch, its server, and a follower that has come so far, and is connected. */
export async function open({
  log = new ScriptedLog(),
  quorum = 0,
  options,
  before,
}: SceneOptions = {}): Promise<Scene> {
  const server = await startServer(log);
  closing.push(() => server.close());
  const problems: FollowerProblem[] = [];
  const clock = { time: START };
  log.epoch();
  await server.publish();
  await before?.(log, server);

  async function follow(
    more: Partial<RevocationFollowerOptions> = {},
  ): Promise<RevocationFollower> {
    const follower = await openRevocationFollower({
      source: server.url,
      trust: log.trust(quorum),
      authority: [log.authority.publicKey],
      clock: { now: () => clock.time },
      pollInterval: NEVER,
      report: (problem) => problems.push(problem),
      ...options,
      ...more,
    });
    closing.push(() => follower.close());
    return follower;
  }

  const follower = await follow();
  await follower.poll();
  if (server.pushes && options?.push !== false) await until(() => server.connections.size > 0);
  return {
    log,
    server,
    follower,
    problems,
    clock,
    follow,
    until,
    codes: () => problems.map(({ code }) => code),
    verdict: (changes) => follower.check(query(changes), clock.time).verdict,
    asOf() {
      const verdict = follower.check(query(), clock.time);
      return verdict.verdict === 'good' ? verdict.asOf : Number.NaN;
    },
    async tick(seconds = 1) {
      log.time += seconds;
      clock.time += seconds;
      log.epoch();
      await server.publish();
    },
  };
}

export async function until(isSo: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!isSo()) {
    if (performance.now() > end) throw new Error('It does not come to that.');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
