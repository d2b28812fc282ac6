import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import { createSigner, generateKeyPair, importPublicKey, type PublicJwk } from '@taper/core';
import { systemClock } from '@taper/enforce';
import {
  createLogHandler,
  createRevocationService,
  openRevocationAuthority,
  type RevocationAuthority,
} from '@taper/log';
import { createFileTileSource } from '@taper/log/file';
import { Hono } from 'hono';
import { beginLog } from './log-folder.ts';
import { answerQuestions } from './processes.ts';

// Where revocations are published, in a process of its own. Whoever asks it to publish one has to show a right to it.

export interface RevocationLogDetail {
  readonly folder: string;
  readonly issuer: string;
  readonly issuerKey: PublicJwk;
}

/** What whoever follows the log has to know. The keys come from elsewhere than the log. */
export interface RevocationLogAddress {
  readonly url: string;
  readonly origin: string;
  /** What its checkpoints verify with (C2SP signed-note). */
  readonly logKey: string;
  /** What revocations verify with. */
  readonly authorityKey: PublicJwk;
  /** Its latest epoch. */
  readonly epoch: number;
}

const ORIGIN = 'revocations.example';
let authority: RevocationAuthority | undefined;

answerQuestions({
  async listen({ folder, issuer, issuerKey }: RevocationLogDetail): Promise<RevocationLogAddress> {
    const log = await beginLog(folder, ORIGIN);
    const { privateJwk, publicKey } = generateKeyPair();
    authority = await openRevocationAuthority({
      log,
      signer: createSigner(privateJwk),
      anchors: [{ issuer, key: importPublicKey(issuerKey) }],
      clock: systemClock.now,
    });
    const { epoch } = await authority.publishEpoch();
    authority.start(); // one more every second, for whoever wants to know that nothing was revoked
    const service = createRevocationService({ log, authority, prefix: '/revocation' });
    const tiles = createLogHandler({
      tiles: createFileTileSource(join(folder, 'tiles')),
      checkpoint: () => log.checkpoint(),
    });
    const app = new Hono();
    app.all('/revocation/*', ({ req }) => service(req.raw));
    app.all('*', ({ req }) => tiles(req.raw)); // anybody may read and check the whole log
    const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }) as Server;
    if (!server.listening) await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return { url, origin: ORIGIN, logKey: log.key.text, authorityKey: publicKey.jwk, epoch };
  },

  /** Publishes an epoch now, which speaks for all that was done until now. */
  async publish(): Promise<void> {
    await authority?.publishEpoch();
  },
});
