// The revocation authority with its log on the disk and its service. Started by soak-revocation.ts as a process of its own.

import { type FileHandle, open as openFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { serve } from '@hono/node-server';
import { createSigner, importPublicKey } from '@taper/core';
import { createRevocationService, openLog, openRevocationAuthority } from '@taper/log';
import { openFileCheckpointStore, openFileTileStore } from '@taper/log/file';
import {
  ISSUER,
  monotonic,
  ORIGIN,
  type ServiceOrder,
  type ServiceReady,
  type ServiceTask,
} from './revoke-messages.ts';

let isCut = false;
const waiting = new Set<Socket>();

async function open(task: ServiceTask): Promise<ServiceReady> {
  const log = await openLog({
    origin: ORIGIN,
    signer: createSigner(task.logKey),
    tiles: await openFileTileStore(`${task.folder}/tiles`),
    checkpoints: await openFileCheckpointStore(`${task.folder}/checkpoint`),
    create: true,
  });
  const authority = await openRevocationAuthority({
    log,
    signer: createSigner(task.authorityKey),
    anchors: [{ issuer: ISSUER, key: importPublicKey(task.anchor) }],
    clock: () => Math.floor(Date.now() / 1000),
    onFailure: (cause) => console.error(cause),
  });
  await authority.publishEpoch();
  authority.start();
  const service = createRevocationService({ log, authority, onFailure: console.error });
  const server = serve({
    fetch: async (request: Request) => losingEvents(request, await service(request)),
    port: 0,
    hostname: '127.0.0.1',
  });
  const bare = createServer((socket) => {
    socket.setNoDelay(true);
    waiting.add(socket);
    socket.on('error', () => waiting.delete(socket));
    socket.on('close', () => waiting.delete(socket));
  });
  await new Promise<void>((resolve) => bare.listen(0, '127.0.0.1', resolve));
  if (!server.listening) await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, barePort: (bare.address() as AddressInfo).port };
}

/** Once it is cut, a connection for what is pushed stays open, and nothing comes through any more. */
function losingEvents(request: Request, response: Response): Response {
  const isPushing = new URL(request.url).pathname === '/events' && response.body !== null;
  if (!isPushing) return response;
  const through = new TransformStream<Uint8Array, Uint8Array>({
    transform(bytes, controller) {
      if (!isCut) controller.enqueue(bytes);
    },
  });
  return new Response(response.body.pipeThrough(through), response);
}

/** The least that a revocation needs: some bytes are made durable, then everybody is told. */
async function pushBare(plain: FileHandle): Promise<void> {
  const at = monotonic();
  await plain.write(Buffer.alloc(1000, 'x'));
  await plain.datasync();
  for (const socket of waiting) socket.write('x');
  process.send?.(at);
}

process.on('disconnect', () => process.exit());
process.once('message', (task: ServiceTask) => void begin(task));

async function begin(task: ServiceTask): Promise<void> {
  const plain = await openFile(`${task.folder}/plain`, 'w');
  process.send?.(await open(task));
  process.on('message', (order: ServiceOrder) => {
    if (order === 'cut') isCut = true;
    else void pushBare(plain);
  });
}
