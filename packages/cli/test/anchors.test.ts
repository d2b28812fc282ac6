import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  type AnchorEntry,
  announceAnchor,
  createSigner,
  noteKey,
  promoteAnchor,
  type Signer,
  signAnchors,
  type VerifiedAnchors,
  writeAnchors,
  writeAnchorsHistory,
} from '@taper/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixedKey, ISSUER, NOW, Workspace } from './workspace.ts';

const DAY = 86_400;
const issuer = createSigner(fixedKey('issuer'));
const successor = createSigner(fixedKey('successor'));
const noteSigner = createSigner(fixedKey('log'));

async function sign(
  anchors: readonly AnchorEntry[],
  signers: readonly Signer[],
  previous?: VerifiedAnchors,
  issuedAt: number = NOW - DAY,
): Promise<VerifiedAnchors> {
  const key = noteKey('issuer.example/log', noteSigner.publicKey, 1);
  return signAnchors(
    {
      issuer: ISSUER,
      issuedAt,
      expiresAt: NOW + 30 * DAY,
      anchors,
      log: { origin: 'issuer.example/log', key },
      authorityKeys: [createSigner(fixedKey('authority')).publicKey],
      identityKeys: [createSigner(fixedKey('identity')).publicKey],
      witnesses: [],
      quorum: 0,
    },
    signers,
    previous,
  );
}

describe('taper anchors', () => {
  let first: VerifiedAnchors;
  let announced: VerifiedAnchors;
  let rotated: VerifiedAnchors;
  let server: Server;
  let address: string;
  let served: { status: number; body: string; headers?: Record<string, string> };
  const pin = issuer.publicKey.thumbprint;

  beforeAll(async () => {
    const entry = { key: issuer.publicKey, state: 'current', notBefore: NOW - 9 * DAY } as const;
    first = await sign([entry], [issuer]);
    const next = { key: successor.publicKey, notBefore: NOW - DAY };
    announced = await sign(announceAnchor(first.anchors, next), [issuer], first);
    rotated = await sign(
      promoteAnchor(announced.anchors, successor.publicKey.thumbprint, NOW + DAY),
      [issuer, successor],
      announced,
    );
    server = createServer((request, response) => {
      if (request.url !== '/anchors') throw new Error('asked for something else');
      response.writeHead(served.status, served.headers ?? {}).end(served.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/anchors`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  const serve = (...documents: readonly VerifiedAnchors[]): void => {
    const [only] = documents;
    const body =
      documents.length === 1
        ? writeAnchors(only as VerifiedAnchors)
        : writeAnchorsHistory(documents);
    served = { status: 200, body };
  };

  /** Runs a command, and answers the code of its error, or the sequence of the file that it wrote. */
  async function outcome(
    workspace: Workspace,
    argv: readonly string[],
    out = 'pinned.json',
  ): Promise<string> {
    const { exitCode, stderr } = await workspace.taper([...argv, '--out', out, '--json']);
    if (exitCode === 0)
      return `sequence ${JSON.parse(readFileSync(join(workspace.folder, out), 'utf8')).sequence}`;
    const { code, field } = JSON.parse(stderr).error;
    return field === undefined || code !== 'anchors_refused' ? code : `${code}: ${field}`;
  }

  test('fetch takes a document under the thumbprint of a root key that was told', async () => {
    serve(first);
    const workspace = new Workspace();
    expect(await outcome(workspace, ['anchors', 'fetch', address, '--pin', pin])).toBe(
      'sequence 1',
    );
    const stranger = createSigner(fixedKey('stranger')).publicKey.thumbprint;
    expect(await outcome(workspace, ['anchors', 'fetch', address, '--pin', stranger], 'no')).toBe(
      'anchors_refused: pin_mismatch',
    );
  });

  test('fetch brings a pinned file up to date, through each document in between', async () => {
    const workspace = new Workspace();
    workspace.write('pinned.json', writeAnchors(first));
    const update = ['anchors', 'fetch', address, '--pin', 'pinned.json', '--force'];
    serve(rotated);
    expect(await outcome(workspace, update)).toBe('anchors_refused: gap');
    serve(first, announced, rotated);
    expect(await outcome(workspace, update)).toBe('sequence 3');
    expect(await outcome(workspace, update)).toBe('sequence 3');
  });

  test('fetch refuses to go back, under a file as under a thumbprint', async () => {
    const workspace = new Workspace();
    workspace.write('pinned.json', writeAnchors(announced));
    serve(first);
    for (const by of ['pinned.json', pin]) {
      expect(await outcome(workspace, ['anchors', 'fetch', address, '--pin', by, '--force'])).toBe(
        'anchors_refused: rolled_back',
      );
    }
    expect(readFileSync(join(workspace.folder, 'pinned.json'), 'utf8')).toBe(
      writeAnchors(announced),
    );
  });

  test('fetch refuses a document that has expired: somebody keeps a newer one back', async () => {
    const workspace = new Workspace();
    served = { status: 200, body: writeAnchors(await expired()) };
    expect(await outcome(workspace, ['anchors', 'fetch', address, '--pin', pin])).toBe(
      'anchors_refused: expired',
    );
  });

  async function expired(): Promise<VerifiedAnchors> {
    const { log, authorityKeys, identityKeys, anchors, witnesses, quorum } = first;
    const content = {
      issuer: ISSUER,
      anchors,
      log,
      authorityKeys,
      identityKeys,
      witnesses,
      quorum,
    };
    return signAnchors(
      { ...content, issuedAt: NOW - 9 * DAY, expiresAt: NOW },
      [issuer],
      undefined,
    );
  }

  test('fetch takes nothing from a server that refuses, sends on, or answers something else', async () => {
    const workspace = new Workspace();
    const fetching = ['anchors', 'fetch', address, '--pin', pin];
    const answers: [typeof served, string][] = [
      [{ status: 404, body: writeAnchors(first) }, 'server_refused'],
      [
        { status: 302, body: writeAnchors(first), headers: { location: '/other' } },
        'server_answer_invalid',
      ],
      [{ status: 200, body: 'x'.repeat(1_100_000) }, 'server_answer_invalid'],
      [{ status: 200, body: 'hello' }, 'json_invalid'],
      [{ status: 200, body: '[{"iss":"x","jwk":{}}]' }, 'anchors_malformed'],
      [
        { status: 200, body: writeAnchors(first).replace('"quorum":0', '"quorum":-1') },
        'anchors_malformed',
      ],
    ];
    for (const [answer, code] of answers) {
      served = answer;
      expect(await outcome(workspace, fetching)).toBe(code);
    }
    expect(await outcome(workspace, ['anchors', 'fetch', 'http://x.example/', '--pin', pin])).toBe(
      'usage',
    );
    expect(
      await outcome(workspace, ['anchors', 'fetch', 'http://127.0.0.1:1/', '--pin', pin]),
    ).toBe('server_unreachable');
    expect(workspace.files()).not.toContain('pinned.json');
  });

  test('pin does the same with a file', async () => {
    const workspace = new Workspace();
    workspace.write('received.json', writeAnchors(rotated));
    const { thumbprint } = successor.publicKey;
    expect(await outcome(workspace, ['anchors', 'pin', 'received.json', '--pin', pin])).toBe(
      'anchors_refused: pin_mismatch',
    );
    expect(await outcome(workspace, ['anchors', 'pin', 'received.json', '--pin', thumbprint])).toBe(
      'sequence 3',
    );
  });

  test('show prints the thumbprints to compare, and refuses what its keys have not signed', async () => {
    const workspace = new Workspace();
    workspace.write('pinned.json', writeAnchors(rotated));
    const { result } = await workspace.json(['anchors', 'show', 'pinned.json']);
    expect(result.anchors).toMatchObject([
      { thumbprint: pin, state: 'retired', counts: true, not_after: NOW + DAY },
      { thumbprint: successor.publicKey.thumbprint, state: 'current', counts: true },
    ]);
    const { stdout } = await workspace.taper(['anchors', 'show', 'pinned.json']);
    expect(stdout).toContain(pin);
    workspace.write(
      'changed.json',
      writeAnchors(rotated).replace(`"not_after":${NOW + DAY}`, `"not_after":${NOW + 99 * DAY}`),
    );
    const { exitCode } = await workspace.taper(['anchors', 'show', 'changed.json']);
    expect(exitCode).toBe(1);
  });

  test('a pinned file is for --anchors: a root counts while its key does', async () => {
    const workspace = new Workspace();
    workspace.write('successor.jwk', JSON.stringify(fixedKey('successor')), 0o600);
    for (const [name, key] of [
      ['old', 'issuer'],
      ['new', 'successor'],
    ] as const) {
      const { exitCode } = await workspace.taper([
        ...['root', 'issue', '--issuer', ISSUER, '--key', `${key}.jwk`, '--max-depth', '1'],
        ...['--holder', 'planner.pub.jwk', '--lifetime', '3d', '--tools', '{"read":{}}'],
        ...['--out', `${name}.json`],
      ]);
      expect(exitCode).toBe(0);
    }
    workspace.write('first.json', writeAnchors(first));
    workspace.write('rotated.json', writeAnchors(rotated));
    const permitted = async (chain: string, anchors: string, now: number): Promise<boolean> => {
      const call = ['--tool', 'read', '--args', '{}', '--now', String(now)];
      const { jwk } = (chain === 'old' ? issuer : successor).publicKey;
      workspace.write('issuer-of-chain.json', JSON.stringify([{ iss: ISSUER, jwk }]));
      const proof = await workspace.taper([
        ...[
          'prove',
          `${chain}.json`,
          '--key',
          'planner.jwk',
          '--anchors',
          'issuer-of-chain.json',
          ...call,
        ],
        ...['--out', 'call.json', '--force'],
      ]);
      expect(proof.exitCode).toBe(0);
      const { exitCode } = await workspace.taper([
        ...['verify', 'call.json', '--anchors', `${anchors}.json`, ...call],
      ]);
      return exitCode === 0;
    };
    expect(await permitted('old', 'first', NOW)).toBe(true);
    expect(await permitted('new', 'first', NOW)).toBe(false);
    expect(await permitted('old', 'rotated', NOW)).toBe(true);
    expect(await permitted('new', 'rotated', NOW)).toBe(true);
    expect(await permitted('old', 'rotated', NOW + DAY - 1)).toBe(true);
    expect(await permitted('old', 'rotated', NOW + DAY)).toBe(false);
    expect(await permitted('new', 'rotated', NOW + DAY)).toBe(true);
  });

  test('a pinned file none of whose keys counts, or that its keys have not signed, trusts nobody', async () => {
    const workspace = new Workspace();
    await workspace.prove();
    const call = ['--tool', 'read_file', '--args', '{"path":"/q1"}'];
    const verify = async (): Promise<string> => {
      const { error } = await workspace.json([
        'verify',
        'call.json',
        '--anchors',
        'a.json',
        ...call,
      ]);
      return error?.code ?? 'judged';
    };
    workspace.write('a.json', writeAnchors(first));
    expect(await verify()).toBe('judged');
    workspace.write('a.json', writeAnchors(first).replace(`${NOW - 9 * DAY}`, `${NOW - 8 * DAY}`));
    expect(await verify()).toBe('anchors_refused');
    const entry = { key: issuer.publicKey, state: 'current', notBefore: NOW + 1 } as const;
    workspace.write('a.json', writeAnchors(await sign([entry], [issuer])));
    expect(await verify()).toBe('anchors_malformed');
  });

  test('an anchor that asks for a second signature is not read as one that does not', async () => {
    const workspace = new Workspace();
    await workspace.prove();
    const call = ['--tool', 'read_file', '--args', '{"path":"/q1"}'];
    const { jwk } = issuer.publicKey;
    const verify = async (hybrid: unknown): Promise<string> => {
      workspace.write('a.json', JSON.stringify([{ iss: ISSUER, jwk, hybrid }]));
      const { result, error } = await workspace.json([
        ...['verify', 'call.json', '--anchors', 'a.json', ...call],
      ]);
      return error?.code ?? result.code ?? result.decision?.code ?? result.denial?.code;
    };
    expect(await verify({ alg: 'ML-DSA-65', key: 'AAAA' })).toBe('anchors_malformed');
    expect(await verify('ML-DSA-65')).toBe('anchors_malformed');
    const key = Buffer.alloc(1952, 7).toString('base64url');
    expect(await verify({ alg: 'ML-DSA-65', key })).toBe('hybrid_signature_missing');
  });
});
