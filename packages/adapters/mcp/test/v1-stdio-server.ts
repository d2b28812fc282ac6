import { appendFileSync } from 'node:fs';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { importPublicKey } from '@taper/core';
import { createEnforcementPoint } from '@taper/enforce';
import { AUDIENCE } from './desk.ts';
import { createV1Desk } from './v1-desk.ts';

// node v1-stdio-server.ts <file for executions> <issuer> <public JWK of the issuer>
const [file = '', issuer = '', jwk = ''] = process.argv.slice(2);

const point = createEnforcementPoint({
  audience: AUDIENCE,
  anchors: [{ issuer, key: importPublicKey(JSON.parse(jwk)) }],
});
const desk = createV1Desk(point, (execution) =>
  appendFileSync(file, `${JSON.stringify(execution)}\n`),
);
await desk.connect(new StdioServerTransport());
