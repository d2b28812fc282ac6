import { accessSync, constants, renameSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { platform } from '@taper/core';
import { measureAuditRate } from './audit-rate.ts';
import { measureCalls } from './calls.ts';
import { measureDenials } from './denials.ts';
import { measureEvidence } from './evidence.ts';
import { isMet } from './figure.ts';
import { measureHostile } from './hostile.ts';
import { type HttpEffort, measureHttp } from './http.ts';
import { measureMakers } from './makers.ts';
import type { Effort } from './measure.ts';
import type { Peer } from './peer.ts';
import { jose } from './peer-jose.ts';
import { macaroons } from './peer-macaroons.ts';
import { passport } from './peer-passport.ts';
import { measurePeers, type PeerFigure } from './peers.ts';
import { measurePoint } from './point.ts';
import { measurePointDenials } from './point-denials.ts';
import { type Results, renderReport } from './report.ts';
import { measureRevoked, type RevokedEffort } from './revoked.ts';
import { MIXES } from './revoked-scene.ts';
import { measureSession } from './session.ts';

// npm run bench [-- --quick] [-- --json FILE]

const { values } = parseArgs({
  options: {
    /** Few rounds: shows that it runs, measures nothing that one could rely on. */
    quick: { type: 'boolean', default: false },
    /** Where to write the results for machines; whole or not at all. */
    json: { type: 'string' },
  },
});

const HOPS = [1, 3, 8];
const rounds = values.quick ? 2 : 200;
const HTTP: HttpEffort = values.quick
  ? { rounds: 1, rate: 1000, steady: 20, saturating: 40 }
  : { rounds: 5, rate: 1000, steady: 1000, saturating: 2000 };

/** Members of the revoked set, and chains of which staples are made. */
const REVOKED: RevokedEffort = values.quick
  ? { mixes: MIXES.slice(-1), revoked: 2000, chains: 20, effort: effort() }
  : { mixes: MIXES, revoked: 1_000_000, chains: 1000, effort: effort(0.5) };
const EVIDENCE_CALLS = values.quick ? 3 : 100;

function effort(share = 1): Effort {
  return { rounds: Math.ceil(rounds * share), milliseconds: values.quick ? 0.1 : 3 };
}

function progress(part: string): void {
  process.stderr.write(`measuring ${part}\n`);
}

/** A Node before 24.5 does not import WebAssembly without being asked to; then this one is left out. */
async function biscuit(): Promise<readonly Peer[]> {
  const { log } = console;
  console.log = () => {}; // it greets on standard output
  try {
    return [(await import('./peer-biscuit.ts')).biscuit];
  } catch {
    progress('no biscuit-wasm, which this Node cannot load');
    return [];
  } finally {
    console.log = log;
  }
}

async function run(peers: readonly Peer[]): Promise<Results> {
  const before = loadavg()[0] ?? 0;
  progress('bare signatures, JSON and making tokens');
  const makers = await measureMakers(effort());
  const calls: Awaited<ReturnType<typeof measureCalls>>[] = [];
  for (const hops of HOPS) {
    progress(`permitted calls, chain of ${hops}`);
    calls.push(await measureCalls(hops, effort()));
  }
  progress('refused calls');
  const denials = await measureDenials(effort(0.5));
  progress('the enforcement point, its stores and audit logs');
  const point = await measurePoint(effort(0.25));
  const pointDenials = await measurePointDenials(effort(0.5));
  const session = await measureSession(effort());
  const audit = await measureAuditRate(effort(0.25));
  progress('revocation: a view, and staples');
  const revoked = await measureRevoked(REVOKED);
  progress('evidence');
  const evidence = await measureEvidence(EVIDENCE_CALLS, effort(0.1));
  progress('HTTP servers');
  const http = await measureHttp(HTTP);
  const peerFigures: PeerFigure[] = [];
  for (const hops of HOPS) {
    progress(`others, chain of ${hops}`);
    peerFigures.push(...(await measurePeers(peers, hops, effort(0.25))));
  }
  progress('hostile inputs');
  const hostile = await measureHostile(values.quick ? 1 : 9);
  const parts = [...calls, denials, pointDenials, session, audit, revoked, hostile];
  const targets = parts.flatMap((part) => part.targets);
  const [root = 0, child = 0] = calls.at(-1)?.tokenSizes ?? [];
  const processors = cpus();
  return {
    version: 1,
    environment: {
      node: process.version,
      backend: platform.name,
      processor: processors[0]?.model.trim() ?? 'unknown',
      cores: processors.length,
      load: { before, after: loadavg()[0] ?? 0 },
      rounds,
    },
    raw: makers.raw,
    sizes: { root, child, proof: calls[0]?.tokenSizes.at(-1) ?? 0 },
    sections: [
      ...calls.map(({ section }) => section),
      point,
      session.section,
      audit.section,
      evidence,
      ...makers.sections,
    ],
    denials: denials.figures,
    replayedProof: denials.replay,
    pointDenials: pointDenials.figures,
    revoked: { checks: revoked.checks, staples: revoked.staples },
    http,
    hostile: hostile.figures,
    peers: peerFigures,
    targets: targets.map((target) => ({ ...target, met: isMet(target) })),
  };
}

function writeWhole(file: string, text: string): void {
  const unfinished = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(unfinished, text);
    renameSync(unfinished, file);
  } finally {
    rmSync(unfinished, { force: true });
  }
}

// Before minutes of measuring, not after.
if (values.json !== undefined) accessSync(dirname(values.json), constants.W_OK);
const peers = [jose, ...(await biscuit()), passport, macaroons];
const results = await run(peers);
process.stdout.write(`${renderReport(results, peers)}\n`);
if (values.json !== undefined)
  writeWhole(values.json, `${JSON.stringify(results, undefined, 2)}\n`);
