import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  createSigner,
  derive,
  importPublicKey,
  issue,
  joinPresentations,
  type PublicKey,
  prove,
  type Signer,
  type VerifiedChain,
} from '@taper/core';
import { createAuditRecorder, createEnforcementPoint } from '@taper/enforce';
import { createLogAuditSink, type Log, openLog, openRevocationAuthority } from '@taper/log';
import { openFileAuditSidecar, openFileCheckpointStore, openFileTileStore } from '@taper/log/file';
import { exchangedFor } from '@taper/testkit';
import { fixedKey, ISSUER, NOW, Workspace } from './workspace.ts';

const AUDIENCE = 'https://pay.example';
export const AUDIT = 'audit.example.com/pay';
const REVOCATIONS = 'log.example.com/revocations';

function signerOf(name: string): Signer {
  return createSigner(fixedKey(name));
}

function keyOf(name: string): PublicKey {
  const { d: _, ...jwk } = fixedKey(name);
  return importPublicKey(jwk);
}

/** What was done in a deployment with real folders. */
export interface World {
  readonly workspace: Workspace;
  readonly chains: { readonly planner: VerifiedChain; readonly reader: VerifiedChain };
  /** The vkeys of the logs. */
  readonly keys: { readonly audit: string; readonly revocations: string };
}

/**
 * Two agents: the planner pays twice; the reader, whose token comes from the planner, pays once, tries once more than it may, is
 * revoked. With `calledOn` the enforcement point, which looks for no revocation, lets it pay once more. With
 * `exchanged` the reader has a root of its own, for which the planner's chain was exchanged, and it is the planner's that is revoked. Folders `audit` and `revocation`, a policy `trust.json`, anchors `anchors.json`.
 */
export async function openWorld(
  options: { readonly calledOn?: boolean; readonly exchanged?: boolean } = {},
): Promise<World> {
  const workspace = new Workspace().keep();
  const folder = (name: string): string => join(workspace.folder, name);
  const anchors = [{ issuer: ISSUER, key: keyOf('issuer') }];
  const audit = await openFolder(folder('audit'), AUDIT, signerOf('audit log'));
  const revocations = await openFolder(
    folder('revocation'),
    REVOCATIONS,
    signerOf('revocation log'),
  );
  const time = { now: NOW };
  const authority = await openRevocationAuthority({
    log: revocations.log,
    signer: signerOf('revoker'),
    anchors,
    clock: () => time.now,
  });
  const sidecar = await openFileAuditSidecar(join(folder('audit'), 'erasable'));
  const emitter = keyOf('point').thumbprint;
  const recorder = createAuditRecorder({
    sink: createLogAuditSink({ log: audit.log, emitter, sidecar }),
    signer: signerOf('point'),
    emitter,
    keepEvidence: true,
    timeout: 60_000,
  });
  const point = createEnforcementPoint({
    audience: AUDIENCE,
    anchors,
    clock: { now: () => time.now },
    audit: recorder,
    portTimeout: 60_000,
  });
  const chains = await makeChains(options.exchanged === true);
  let serial = 0;
  const pay = async (
    who: 'planner' | 'reader',
    amount: string,
    proven: string = amount,
  ): Promise<string> => {
    serial += 1;
    const args = { amount };
    const presentation = await prove(chains[who], {
      signer: signerOf(who),
      tool: 'pay',
      args: { amount: proven },
      now: time.now,
      id: `proof-${serial}`,
      audience: AUDIENCE,
    });
    const context = { resource: `invoice-${serial}` };
    const decision = await point.authorize(joinPresentations([presentation]), 'pay', args, context);
    if (decision.verdict === 'permit') await point.conclude(decision, 'executed');
    return decision.verdict;
  };
  await authority.publishEpoch();
  time.now += 1;
  const made = [await pay('planner', '10.00'), await pay('reader', '5.00')];
  time.now += 10;
  made.push(await pay('planner', '20.00'), await pay('reader', '5.01', '5.00'));
  time.now += 1;
  await authority.publishEpoch();
  time.now += 1;
  const { planner, reader } = chains;
  const { hash: token } = (options.exchanged === true ? planner : reader).leaf;
  await authority.revoke(
    { kind: 'token', token, root: planner.leaf.hash },
    { reason: 'agent_compromised', expiresAt: reader.leaf.claims.exp },
  );
  time.now += 1;
  await authority.publishEpoch();
  if (options.calledOn === true) {
    time.now += 1;
    if ((await pay('reader', '1.00')) !== 'permit') throw new Error('not called on');
    time.now += 1;
    await authority.publishEpoch();
  }
  if (made.join() !== 'permit,permit,permit,deny') throw new Error(`unexpected: ${made.join()}`);
  await audit.log.publish();
  const keys = { audit: audit.log.key.text, revocations: revocations.log.key.text };
  await authority.close();
  await sidecar.close();
  for (const each of [audit, revocations]) await each.close();
  workspace.write('audit/log.json', JSON.stringify({ origin: AUDIT, keys: [keys.audit] }));
  workspace.write(
    'revocation/log.json',
    JSON.stringify({ origin: REVOCATIONS, keys: [keys.revocations] }),
  );
  workspace.write('trust.json', JSON.stringify(trustOf(keys)));
  return { workspace, chains, keys };
}

/** The auditor's policy, without root issuers: those are in `anchors.json`. */
export function trustOf({ audit, revocations }: World['keys']): Readonly<Record<string, unknown>> {
  const { d: _, ...key } = fixedKey('point');
  return {
    taper_trust: 1,
    logs: [
      { origin: AUDIT, keys: [audit] },
      { origin: REVOCATIONS, keys: [revocations] },
    ],
    emitters: [
      { name: keyOf('point').thumbprint, key, log: AUDIT, enforcement_points: [AUDIENCE] },
    ],
    revocation_logs: [REVOCATIONS],
  };
}

async function makeChains(isExchanged: boolean): Promise<World['chains']> {
  const pay = (max: string): object => ({
    pay: { amount: { constraint_type: 'decimal', min: '0', max, scale: 2 } },
  });
  const planner = await issue({
    issuer: ISSUER,
    signer: signerOf('issuer'),
    holder: keyOf('planner'),
    tools: pay('50.00') as never,
    now: NOW,
    id: 'root',
    lifetime: 3600,
    maxDepth: 2,
  });
  if (isExchanged) {
    const root = await issue({
      issuer: ISSUER,
      signer: signerOf('issuer'),
      holder: keyOf('reader'),
      tools: pay('5.00') as never,
      now: NOW,
      id: 'exchanged',
      lifetime: 3600,
      maxDepth: 0,
      caveats: { purpose: 'reading' },
      information: exchangedFor(planner),
    });
    return { planner, reader: root };
  }
  const reader = await derive(planner, {
    signer: signerOf('planner'),
    holder: keyOf('reader'),
    tools: pay('5.00') as never,
    now: NOW,
    id: 'slice',
  });
  return { planner, reader };
}

async function openFolder(
  folder: string,
  origin: string,
  signer: Signer,
): Promise<{ readonly log: Log; close(): Promise<void> }> {
  mkdirSync(folder, { mode: 0o700 });
  const tiles = await openFileTileStore(join(folder, 'tiles'));
  const checkpoints = await openFileCheckpointStore(join(folder, 'state'));
  const log = await openLog({ origin, signer, tiles, checkpoints, create: true });
  return {
    log,
    async close() {
      await log.close();
      await tiles.close();
      await checkpoints.close();
    },
  };
}
