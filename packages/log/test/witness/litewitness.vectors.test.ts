import { existsSync, readFileSync } from 'node:fs';
import { importPublicKey, noteKey, parseNoteKey } from '@taper/core';
import { createTestClock, testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { createMemoryWitnessStore } from '../../src/memory/witness-store.ts';
import { createWitness, type WitnessedLog } from '../../src/witness/index.ts';
import { serveHere } from '../served.ts';

// Transcripts of another implementation, FiloSottile/torchwood's litewitness: `-- add-checkpoint.hurl --` in each testscript is a
// list of requests and what they must be answered.
const folder = new URL(
  '../../../../../shared/vectors/tlog-torchwood-litewitness/cmd/litewitness/testdata/',
  import.meta.url,
);

interface Exchange {
  readonly body: string;
  readonly status: number;
  readonly contains: string | undefined;
  readonly exactly: string | undefined;
}

function readExchanges(script: string): readonly Exchange[] {
  const hurl = readFileSync(new URL(script, folder), 'utf8').split(
    '-- add-checkpoint.hurl --\n',
  )[1];
  return (hurl ?? '').split(/^POST .*\n/m).flatMap((part) => {
    const match = /^```\n(.*)```\nHTTP (\d+)\n\[Asserts\]\nbody (contains|==) "(.*)"$/ms.exec(part);
    if (match === null) return [];
    const [, body = '', status = '', relation, text = ''] = match;
    return {
      body,
      status: Number(status),
      contains: relation === 'contains' ? text : undefined,
      exactly: relation === '==' ? text.replaceAll('\\n', '\n') : undefined,
    };
  });
}

/** A log of Sigsum: its origin is made of the hash of its key, which also names it. */
const SIGSUM_ORIGIN =
  'sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562';
const SIGSUM_KEY = 'ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f';

function sigsumLog(): WitnessedLog {
  const x = Buffer.from(SIGSUM_KEY, 'hex').toString('base64url');
  const key = importPublicKey({ kty: 'OKP', crv: 'Ed25519', x });
  return { origin: SIGSUM_ORIGIN, keys: [noteKey(SIGSUM_ORIGIN, key, 1)] };
}

/** The checksum database of Go, whose keys have another name than its origin. */
function sumdb(): WitnessedLog {
  const key = parseNoteKey('sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8');
  return { origin: 'go.sum database tree', keys: key === undefined ? [] : [key] };
}

const SCRIPTS: readonly (readonly [string, () => WitnessedLog, number, number])[] = [
  ['litewitness.txt', sigsumLog, 9, 5],
  ['bastion.txt', sigsumLog, 1, 1],
  ['sumdb.txt', sumdb, 1, 35_225_469],
];

/**
 * Where we answer otherwise. Litewitness answered 403 for an unknown log; the specification has become exact since, and says 404.
 * The bad signature has bits behind its last byte, in base64 that is not canonical: here that is no note at all, 400.
 */
function stricter(contains: string | undefined): number | undefined {
  if (contains === 'unknown log') return 404;
  return contains === 'invalid signature' ? 400 : undefined;
}

const isThere = existsSync(folder);
if (!isThere) console.warn('skipped: ../shared/vectors/tlog-torchwood-litewitness is not there');

describe.runIf(isThere)('the requests of litewitness', () => {
  test.each(SCRIPTS)('are answered alike: %s', async (script, log, count, size) => {
    const exchanges = readExchanges(script);
    expect(exchanges).toHaveLength(count);
    const store = createMemoryWitnessStore();
    const witness = createWitness({
      name: 'example.com/witness',
      signer: testKey('witness').signer,
      logs: [log()],
      store,
      clock: createTestClock(),
    });
    const served = await serveHere(witness.fetch);
    try {
      for (const { body, status, contains, exactly } of exchanges) {
        const response = await fetch(`${served.url}/add-checkpoint`, { method: 'POST', body });
        const text = await response.text();
        expect(response.status).toBe(stricter(contains) ?? status);
        if (exactly !== undefined) expect(text).toBe(exactly);
        if (status === 200) expect(text).toContain(contains);
        if (contains !== 'invalid signature') continue;
        // The same signature, written canonically.
        const canonical = body.replace(/x=\n$/, 'w=\n');
        expect(canonical).not.toBe(body);
        const again = await fetch(`${served.url}/add-checkpoint`, {
          method: 'POST',
          body: canonical,
        });
        expect(again.status).toBe(403);
      }
      expect((await store.read(log().origin))?.size).toBe(size);
    } finally {
      await served.close();
    }
  });
});
