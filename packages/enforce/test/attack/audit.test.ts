import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalize, issue, type JsonObject, type JsonValue } from '@taper/core';
import { expect, onTestFinished, test } from 'vitest';
import {
  type AuditEventInit,
  createAuditRecorder,
  createMemoryAuditSink,
  createSessionTable,
  initiateSession,
  openFileAuditSink,
  readAuditFile,
  verifyAuditLog,
} from '../../src/index.ts';
import {
  AUDIENCE,
  agent,
  authority,
  codeOf,
  ISSUER,
  NOW,
  newSigner,
  nextId,
  pointWith,
} from '../judge/scene.ts';

// In a session no proof stands beside the arguments, so that they may be as deep and as many as JSON may be here.

/** Containers in each other, and commas and opening brackets, that `parseJson` reads. */
const [MOST_DEEP, MOST_VALUES] = [128, 10_000];

const RECORDED = ['a', 'b', 'c', 'd', 'e'];

/** Has an open tool called with these arguments, and gives what becomes of the call and of the log. */
async function logOf(args: JsonObject, recorded: readonly string[] = RECORDED) {
  const folder = await mkdtemp(join(tmpdir(), 'taper-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'audit.jsonl');
  const sink = await openFileAuditSink(path);
  const signer = newSigner();
  const responder = newSigner();
  const point = pointWith({
    audit: createAuditRecorder({ sink, signer, recordedArguments: { note: recorded } }),
    sessions: createSessionTable({ signer: responder, audience: AUDIENCE, tools: ['note'] }),
  });
  const chain = await issue({
    issuer: ISSUER,
    signer: authority,
    holder: agent.publicKey,
    tools: { note: {} },
    now: NOW,
    id: nextId(),
    lifetime: 600,
    maxDepth: 0,
  });
  const { hello, complete } = initiateSession({
    chains: [chain],
    signers: [agent],
    audience: AUDIENCE,
    responderKey: responder.publicKey,
  });
  const welcome = await point.sessions?.hello(hello);
  const { finish, session } = await complete(welcome, NOW);
  await point.sessions?.finish(finish);
  const text = canonicalize(args);
  const decision = await point.authorize(session.request('note', text), 'note', args);
  await sink.close();
  const { verdict, problems } = await verifyAuditLog(readAuditFile(path), {
    key: signer.publicKey,
  });
  await (await openFileAuditSink(path)).close(); // as after a restart
  return { code: codeOf(decision), verdict, problems };
}

const DENIED: AuditEventInit = {
  type: 'decision',
  time: NOW,
  enforcementPoint: AUDIENCE,
  decision: 'deny',
  chains: [],
};

const WELL = { code: 'permit', verdict: 'intact', problems: [] };

test('arguments nested as deep as a call may have them leave a log that verifies and can be gone on with', async () => {
  for (const depth of [MOST_DEEP - 2, MOST_DEEP - 1]) {
    let value: JsonValue = 0;
    for (let level = 0; level < depth; level += 1) value = [value];
    expect(await logOf({ a: value }), `${depth}`).toEqual(WELL);
  }
});

test('arguments with as many values as a call may have them leave a log that verifies and can be gone on with', async () => {
  const list = Array<number>((MOST_VALUES - 10) / RECORDED.length).fill(0);
  expect(await logOf(Object.fromEntries(RECORDED.map((name) => [name, list])))).toEqual(WELL);
});

test('arguments that hold what looks like a token, wherever it stands, leave a log that verifies and does not hold it', async () => {
  const token = 'eyJhbGciOiJFZDI1NTE5In0.eyJqdGkiOiIxIn0.c2ln';
  for (const value of [
    token,
    [{ [token]: 1, B: 2, z: 3 }],
    { [`${token}1`]: 1, [`${token}2`]: 2 },
    `\u000eyJhbGciOiJFZDI1NTE5In0`, // in JSON text: \u000eyJ…
    [`\u001eyJhbGciOiJFZDI1NTE5In0`, `\\${token}`],
  ]) {
    expect(await logOf({ a: value, b: 'kept' }), JSON.stringify(value)).toEqual(WELL);
  }
});

test('however many arguments are listed, an event fits into a line', async () => {
  const names = Array.from({ length: 400 }, (_, index) => `n${index}`);
  const args = Object.fromEntries(names.map((name) => [name, 'x'.repeat(600)]));
  expect(await logOf(args, names)).toEqual(WELL);
});

test('a session whose identifier happens to look like the begin of a token is named in full', async () => {
  const sink = createMemoryAuditSink();
  const audit = createAuditRecorder({ sink, signer: newSigner(), emitter: 'point' });
  const session = 'eyJ0aGlzaXNyYW5kb20AAA';
  await audit.record({ ...DENIED, session });
  expect(sink.lines('point')[0]?.line).toContain(`"session":"${session}"`);
});
