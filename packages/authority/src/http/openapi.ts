import type { JsonObject } from '@taper/core';
import { z } from 'zod';
import { REFUSALS } from '../refusal.ts';
import { type Endpoint, isOptional } from './endpoint.ts';

/** Refusals of every endpoint that takes input, beside its own. */
const COMMON_REFUSALS = ['request_malformed', 'too_many_requests', 'unavailable'] as const;

const PROBLEM: JsonObject = {
  type: 'object',
  description: 'A refusal (RFC 9457).',
  required: ['type', 'title', 'status', 'code'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'Stable; what to program against.' },
    hint: { type: 'string' },
  },
};

/**
 * The OpenAPI 3.1 document of a table of endpoints, the same for every authority.
 * @param version of the package.
 */
export function openApiDocument(endpoints: readonly Endpoint[], version: string): JsonObject {
  const paths: Record<string, Record<string, JsonObject>> = {};
  for (const endpoint of endpoints) {
    const path = endpoint.path.replaceAll(/:([A-Za-z]\w*)/g, '{$1}');
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: operation(endpoint) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Taper authority',
      version,
      description:
        'Agent identity, root grants and revocation. The OAuth endpoints are described by their RFCs and by the metadata at /.well-known/oauth-authorization-server.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: {
      schemas: { Problem: PROBLEM },
      securitySchemes: {
        administrator: {
          type: 'apiKey',
          in: 'header',
          name: 'Taper-Presentation',
          description:
            'A chain that grants the tool of the operation, and a proof for this very call (docs/http.md).',
        },
        possession: {
          type: 'apiKey',
          in: 'header',
          name: 'DPoP',
          description: 'A DPoP proof with a nonce of the authority (RFC 9449).',
        },
      },
    },
  };
}

function operation(endpoint: Endpoint): JsonObject {
  const { name, summary, access, status, result, args } = endpoint;
  const members = Object.entries(args).filter(([, { from }]) => from === 'body');
  const parameters = Object.entries(args)
    .filter(([, { from }]) => from === 'path' || from === 'query')
    .map(([argument, each]) => ({
      name: argument,
      in: each.from,
      required: !isOptional(each),
      schema: schemaOf(each.schema),
    }));
  const required = members.filter(([, each]) => !isOptional(each)).map(([argument]) => argument);
  const body: JsonObject = {
    required: required.length > 0,
    content: {
      'application/json': {
        schema: {
          type: 'object',
          additionalProperties: false,
          properties: Object.fromEntries(
            members.map(([argument, { schema }]) => [argument, schemaOf(schema)]),
          ),
          ...(required.length === 0 ? {} : { required }),
        },
      },
    },
  };
  const content = Object.entries(args).find(([, { from }]) => from === 'content')?.[0];
  const document: JsonObject = {
    required: true,
    description: `The proof covers \`${content}\`: the base64url SHA-256 of the body.`,
    content: { 'application/json': { schema: {} } },
  };
  return {
    operationId: name,
    summary,
    ...(access.kind === 'administrator' ? { 'x-taper-tool': access.tool } : {}),
    security: access.kind === 'open' ? [] : [{ [access.kind]: [] }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(members.length === 0 ? {} : { requestBody: body }),
    ...(content === undefined ? {} : { 'x-taper-content': content, requestBody: document }),
    responses: {
      [status]: {
        description: 'Done.',
        content: { 'application/json': { schema: schemaOf(result) } },
      },
      ...refusalsOf(endpoint),
    },
  };
}

function refusalsOf({ refusals, access }: Endpoint): Record<string, JsonObject> {
  const byStatus = new Map<number, string[]>();
  for (const code of new Set([...COMMON_REFUSALS, ...refusals])) {
    const { status } = REFUSALS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  if (access.kind === 'administrator')
    for (const status of [401, 403])
      byStatus.set(status, ['a code of docs/denials.md', ...(byStatus.get(status) ?? [])]);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      {
        description: codes.join(', '),
        content: {
          'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
        },
      },
    ]),
  );
}

function schemaOf(schema: z.ZodType): JsonObject {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'input' });
  return rest as JsonObject;
}
