import { appendFileSync } from 'node:fs';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { importPublicKey } from '@taper/core';
import { createEnforcementPoint } from '@taper/enforce';
import { AUDIENCE, createDesk } from './desk.ts';

// node stdio-server.ts <file for executions> <issuer> <public JWK of the issuer>
const [file = '', issuer = '', jwk = ''] = process.argv.slice(2);

const point = createEnforcementPoint({
  audience: AUDIENCE,
  anchors: [{ issuer, key: importPublicKey(JSON.parse(jwk)) }],
});

serveStdio(() =>
  createDesk(point, (execution) => appendFileSync(file, `${JSON.stringify(execution)}\n`)),
);
