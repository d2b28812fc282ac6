import type { ServerResponse } from 'node:http';
import { platform, writeEpochRecord } from '@taper/core';
import { describe, expect, it } from 'vitest';
import { identifier, open, type Scene, until } from './scene.ts';
import { type ScriptedLog, START } from './scripted-log.ts';
import type { ScriptedServer } from './scripted-server.ts';

type Header = Record<string, unknown>;

/** The snapshot of the last epoch, and what somebody made of it. */
async function snapshotOf(
  log: ScriptedLog,
  change: (header: Header, lines: string[]) => void = () => {},
): Promise<(response: ServerResponse) => void> {
  const epoch = log.entries.findLast((text) => text.includes('"type":"epoch"')) ?? '';
  const index = log.entries.lastIndexOf(epoch);
  const size = log.entries.length;
  const texts = (hashes: readonly Uint8Array[]): string[] =>
    hashes.map((hash) => platform.encodeBase64url(hash));
  const header: Header = {
    epoch_index: index,
    epoch,
    inclusion: texts(log.inclusion(index, size)),
    checkpoint: await log.note(),
    frontier: texts(log.frontier(index + 1).hashes()),
  };
  const lines = [...log.set.entries()].map((entry) => {
    if (entry.kind === 'token')
      return JSON.stringify(['token', entry.root, entry.token, entry.expiresAt]);
    if (entry.kind === 'key') return JSON.stringify(['key', entry.key]);
    return JSON.stringify(['tenant', entry.tenant, entry.issuedBefore]);
  });
  change(header, lines);
  return (response) => {
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
    response.end(`${[JSON.stringify(header), ...lines].join('\n')}\n`);
  };
}

/** A log of 1,200 entries, with what is revoked near its beginning, and a follower that may begin with a snapshot. */
async function openLong(
  give: (log: ScriptedLog, server: ScriptedServer) => Promise<void>,
): Promise<Scene> {
  return open({
    options: { snapshotFrom: 1_000, push: false },
    async before(log, server) {
      for (const name of ['leaf', 'other', 'third']) await log.revokeToken(identifier(name));
      await log.revoke({ kind: 'key', key: identifier('lost key') });
      await log.revoke({ kind: 'tenant', tenant: 'acme', issued_before: START - 5 });
      for (let each = 0; each < 1_200; each += 1) log.epoch();
      log.entries.push('{"type":"something else"}');
      await give(log, server);
      await server.publish();
    },
  });
}

describe('a follower that begins with a snapshot', () => {
  it('knows what the log says, without reading it from its beginning', async () => {
    const { follower, verdict, codes, server, asOf, tick, log } = await openLong(
      async (written, given) => {
        given.snapshot = await snapshotOf(written);
      },
    );
    expect(codes()).toEqual([]);
    expect(follower.status()).toMatchObject({ size: 1_207, epoch: 1_201, revoked: 5 });
    expect(verdict()).toBe('revoked');
    expect(verdict({ tokens: [], keys: [identifier('lost key')] })).toBe('revoked');
    expect(verdict({ tokens: [], tenant: 'acme' })).toBe('revoked');
    expect(verdict({ tokens: [], tenant: 'acme', oldestIssuedAt: START })).toBe('good');
    expect(server.requests.slice(0, 3)).toEqual(['tail?from=0', 'snapshot', 'tail?from=1206']);
    await log.revokeToken(identifier('root'));
    await tick();
    await follower.poll();
    expect(verdict({ tokens: [identifier('root')] })).toBe('revoked');
    expect(follower.status()).toMatchObject({ epoch: 1_202, asOf: START + 1 });
    expect(asOf()).toBeNaN();
  });

  it.each<[string, (header: Header, lines: string[], log: ScriptedLog) => void]>([
    ['leaves out what is revoked', (_, lines) => lines.splice(1, 1)],
    [
      'puts in what is not',
      (_, lines) => lines.unshift(JSON.stringify(['token', 'A'.repeat(43), 'A'.repeat(43), 5])),
    ],
    [
      'changes until when',
      (_, lines) => lines.splice(0, 1, (lines[0] ?? '').replace(/\d+\]$/, '5]')),
    ],
    ['has another order', (_, lines) => lines.reverse()],
    ['is cut off', (_, lines) => lines.splice(2)],
    ['has a line that is no member', (_, lines) => lines.push('["agent","x"]')],
    ['has a line that is no JSON', (_, lines) => lines.push('["key"')],
    [
      'has another epoch than the log',
      (header, _, log) => {
        header['epoch'] = writeEpochRecord({
          ...log.record(),
          epoch: 1_201,
          size: 1_205,
          time: START + 50,
          nextUpdate: START + 60,
        });
      },
    ],
    [
      'is of another place',
      (header) => {
        header['epoch_index'] = 1_204;
      },
    ],
    [
      'has no proof',
      (header) => {
        header['inclusion'] = [];
      },
    ],
    [
      'has a checkpoint that does not verify',
      (header) => {
        header['checkpoint'] = String(header['checkpoint']).replace('\n1207\n', '\n1208\n');
      },
    ],
    [
      'has a frontier of another size',
      (header) => {
        header['frontier'] = [];
      },
    ],
  ])('does not believe one that %s, and reads the log', async (_, change) => {
    const { follower, verdict, codes } = await openLong(async (log, server) => {
      server.snapshot = await snapshotOf(log, (header, lines) => change(header, lines, log));
    });
    expect(codes()).toEqual(['snapshot_invalid']);
    expect(follower.status()).toMatchObject({ size: 1_207, epoch: 1_201, revoked: 5 });
    expect(verdict()).toBe('revoked');
  });

  it('does not go on from a frontier that leads to another root', async () => {
    const { follower, codes, verdict } = await openLong(async (log, server) => {
      server.snapshot = await snapshotOf(log, (header) => {
        header['frontier'] = (header['frontier'] as string[]).map(() => 'A'.repeat(43));
      });
    });
    expect(codes()).toEqual(['entries_mismatch']);
    await follower.poll();
    expect(follower.status()).toMatchObject({ size: 1_207, epoch: 1_201, revoked: 5 });
    expect(verdict()).toBe('revoked');
  });

  it('[R09] hangs up on one with more members than its epoch record speaks of', async () => {
    let sent = 0;
    let isOver = false;
    const { follower, codes } = await openLong(async (log, server) => {
      const honest = await snapshotOf(log);
      server.snapshot = (response) => {
        response.on('close', () => {
          isOver = true;
        });
        const { end } = response;
        // Everything but the end, then more of it, each member after the one before.
        response.end = ((text: string) => {
          response.write(text.slice(0, text.indexOf('\n') + 1));
          const more = (): void => {
            while (sent < 200_000 && !response.destroyed) {
              const id = Buffer.alloc(32);
              id.writeUInt32BE(sent);
              sent += 1;
              const line = JSON.stringify(['key', id.toString('base64url')]);
              if (!response.write(`${line}\n`)) return void response.once('drain', more);
            }
            end.call(response, '', 'utf8');
          };
          more();
          return response;
        }) as typeof end;
        honest(response);
      };
    });
    await until(() => isOver);
    expect(sent).toBeLessThan(200_000);
    expect(codes()).toEqual(['snapshot_invalid']);
    expect(follower.status()).toMatchObject({ size: 1_207, epoch: 1_201, revoked: 5 });
  });

  it('reads the log where there is none', async () => {
    const { follower, codes } = await openLong(async () => undefined);
    expect(codes()).toContain('source_unavailable');
    expect(follower.status()).toMatchObject({ size: 1_207, epoch: 1_201, revoked: 5 });
  });
});
