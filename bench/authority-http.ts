import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSigner } from '@taper/core';
import { createTokenClient } from './authority-client.ts';
import {
  type Bare,
  compared,
  type IssuanceEffort,
  type IssuanceFigure,
  requireRoot,
  signAndCheck,
  timeOf,
} from './authority-issuance.ts';
import { handOn } from './authority-office.ts';
import { makeBenchHome, startNode } from './authority-process.ts';
import {
  exchangeRequest,
  type FormRequest,
  grantDocument,
  type Holder,
  rootRequest,
} from './authority-requests.ts';
import type { Place } from './authority-stores.ts';
import { drive, type Load, middle } from './load.ts';

/** How fast a node answers over sockets, as `taper up` makes it: log, witness and all. Each request has a proof and a chain of its own, made before. */
export async function measureHttpIssuance(
  place: Place,
  { rounds, requests, widths }: IssuanceEffort,
): Promise<readonly IssuanceFigure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'taper-bench-node-'));
  await makeBenchHome(folder, await place.database());
  const node = await startNode(folder);
  const figures: IssuanceFigure[] = [];
  try {
    const holders = await node.ask({ do: 'enrol', names: ['desk', 'till'] });
    const [desk, till] = holders.map(({ privateJwk, ...rest }) => ({
      ...rest,
      signer: createSigner(privateJwk),
    })) as [Holder, Holder];
    await node.ask({ do: 'apply', grants: grantDocument('acme', ['desk', 'till']) });
    const [{ issuer }] = node.anchors as [(typeof node.anchors)[0]];
    const target = `${issuer}/oauth/token`;
    for (const width of widths) {
      const client = createTokenClient(node.url, width);
      const send = async (form: FormRequest): Promise<string> => {
        const { status, text } = await client.send(form);
        return requireRoot(status, text);
      };
      const roots = async (count: number): Promise<FormRequest[]> => {
        const nonce = await client.nonce();
        return Promise.all(Array.from({ length: count }, () => rootRequest(desk, target, nonce)));
      };
      const exchanges = async (count: number): Promise<FormRequest[]> => {
        const subjects: string[] = [];
        await drive(await roots(count), 32, async (form) => {
          const root = await send(form);
          subjects.push(await handOn(root, node.anchors, desk.signer, till.signer));
        });
        const nonce = await client.nonce();
        return Promise.all(
          subjects.map((subject) => exchangeRequest(till, subject, issuer, target, nonce)),
        );
      };
      const ways = { root: roots, exchange: exchanges } as const;
      const loads: Record<keyof typeof ways, Load[]> = { root: [], exchange: [] };
      const processor = { root: 0, exchange: 0 };
      const bares: Bare[] = [];
      for (let round = -1; round < rounds; round += 1) {
        const count = Math.min(requests, 100);
        const signature = await timeOf(count, () => signAndCheck(desk.signer));
        const commit = await timeOf(count, () => place.commit());
        if (round >= 0) bares.push({ signature, rootSignature: signature, commit });
        const turn =
          (round & 1) === 0 ? (['root', 'exchange'] as const) : (['exchange', 'root'] as const);
        for (const what of turn) {
          const forms = await ways[what](requests);
          const before = await node.ask({ do: 'processor' });
          const load = await drive(forms, width, async (form) => void (await send(form)));
          if (round < 0) continue;
          processor[what] += (await node.ask({ do: 'processor' })) - before;
          loads[what].push(load);
        }
      }
      client.close();
      for (const what of ['root', 'exchange'] as const)
        figures.push({
          what,
          store: place.name,
          key: 'file',
          width,
          load: middle(loads[what]),
          processor: processor[what] / (rounds * requests),
          ...compared(loads[what], bares),
        });
    }
  } finally {
    await node.close();
    rmSync(folder, { recursive: true });
  }
  return figures;
}
