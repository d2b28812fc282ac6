// A node in a process of its own: its argument is the URL of the database. It says its address on standard output, issues what it is
// asked for, and writes the authority's log while it has the lease.
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { StoreError } from '@taper/authority';
import { TaperError, writeAuthorityEntryBody } from '@taper/core';
import {
  createPostgresAuthorityStore,
  createPostgresLease,
  keepTenure,
  openPostgres,
} from '../../src/index.ts';
import { beginLog } from './log.ts';

const [url = '', patience = '1000'] = process.argv.slice(2);
const database = await openPostgres({ url });
const store = createPostgresAuthorityStore(database);

/** Issues once: the entry and the record of it are there together. @returns the sequence of the entry. */
async function issue(name: string): Promise<number> {
  const now = Math.floor(Date.now() / 1000);
  return store.transaction(async (tx) => {
    await tx.insertIssuance({
      jti: name,
      tokenHash: hash('sha256', name, 'base64url'),
      agent: 'agent',
      tenant: 'acme',
      grant: 'grant',
      grantVersion: 1,
      kind: 'client_credentials',
      issuedAt: now,
      expiresAt: now + 60,
      holder: hash('sha256', 'holder', 'base64url'),
      subjectHash: undefined,
    });
    return tx.appendEntry(
      writeAuthorityEntryBody({
        time: now,
        event: 'root.issued',
        tenant: 'acme',
        by: { kind: 'agent', id: 'agent' },
        subject: { jti: name },
        details: {},
      }),
    );
  });
}

async function answer(name: string): Promise<{ status: number; sequence?: number }> {
  try {
    return { status: 200, sequence: await issue(name) };
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return { status: error.conflict === 'issuance' ? 409 : 503 };
  }
}

const server = createServer((request, response) => {
  answer(decodeURIComponent((request.url ?? '').slice(1))).then(
    ({ status, sequence }) => {
      response.writeHead(status).end(JSON.stringify({ sequence }));
    },
    () => response.writeHead(500).end(),
  );
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
const address = `http://127.0.0.1:${port}`;
const lease = createPostgresLease(database, {
  name: 'authority log',
  address,
  patience: Number(patience),
});
keepTenure(
  lease,
  (held) => beginLog(database, held),
  (cause) => {
    // Everything else is what the tests bring about.
    if (cause instanceof TaperError && cause.code === 'option_invalid') process.exit(1);
  },
);
process.stdout.write(`${address}\n`);
