// A node of an authority, as a process of its own: works on the store without an end, and brings entries into the log when it has it.
// Prints `log` when it has taken over, and `done <sequence> <agent>` for each transaction that was answered.
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { createEntryPump, type EntryPump } from '@taper/authority';
import { openSqliteAuthorityStore } from '@taper/authority/sqlite';
import { writeAuthorityEntryBody } from '@taper/core';
import { AUTHORITY, openStoredLog } from './stored-log.ts';

const [folder = '', name = '', workers = '4'] = process.argv.slice(2);
const store = openSqliteAuthorityStore({ path: join(folder, 'authority.sqlite') });
let pump: EntryPump | undefined;

async function takeOver(): Promise<void> {
  for (;;) {
    try {
      const { authority } = await openStoredLog(folder);
      pump = createEntryPump({ store, log: authority, signer: AUTHORITY.signer, interval: 5 });
      await pump.start();
      authority.start();
      writeSync(1, 'log\n');
      return;
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'log_unavailable') throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

async function work(worker: number): Promise<void> {
  for (let number = 0; ; number += 1) {
    const agent = `${name}-${worker}-${number}`;
    const sequence = await store.transaction(async (tx) => {
      await tx.insertAgent({
        id: agent,
        tenant: 'acme',
        name: agent,
        spiffeId: `spiffe://example.com/acme/agent/${agent}`,
        state: 'active',
        createdAt: 1,
        version: 1,
      });
      return tx.appendEntry(
        writeAuthorityEntryBody({
          time: 1,
          event: 'agent.enrolled',
          tenant: 'acme',
          by: { kind: 'operator', id: 'ada' },
          subject: { agent },
          details: {},
        }),
      );
    });
    writeSync(1, `done ${sequence} ${agent}\n`);
    pump?.notify();
  }
}

await Promise.all([takeOver(), ...Array.from({ length: Number(workers) }, (_, at) => work(at))]);
