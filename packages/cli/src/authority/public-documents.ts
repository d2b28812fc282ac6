import { createJwks, createMetadata, metadataPath } from '@taper/authority';
import { ENDPOINTS, type MountedHandler, openApiDocument } from '@taper/authority/http';
import type { JsonObject, PublicKey } from '@taper/core';

export const TOKEN_PATH = '/oauth/token';
const JWKS_PATH = '/jwks';

/** Seconds for which anybody may keep them. */
const MAX_AGE = 60;

export interface PublicDocumentsOptions {
  readonly issuer: string;
  readonly identityKeys: readonly PublicKey[];
  readonly version: string;
  /** The trust-anchor documents, as they are now. */
  readonly anchors: () => string;
}

/** What anybody may read: metadata (RFC 8414), key set, OpenAPI document. Nothing in them is secret, and no web page may read more than that. */
export function publicDocuments(options: PublicDocumentsOptions): readonly MountedHandler[] {
  const { issuer, identityKeys, version, anchors } = options;
  const metadata = createMetadata({
    issuer,
    tokenEndpoint: issuer + TOKEN_PATH,
    jwksUri: issuer + JWKS_PATH,
  });
  return [
    document(metadataPath(issuer), 'metadata', metadata),
    document(JWKS_PATH, 'jwks', createJwks(identityKeys)),
    document('/openapi.json', 'openapi', openApiDocument(ENDPOINTS, version)),
    publicText('/anchors', 'anchors', anchors),
  ];
}

function document(path: string, name: string, value: JsonObject): MountedHandler {
  const text = JSON.stringify(value);
  return publicText(path, name, () => text);
}

function publicText(path: string, name: string, text: () => string): MountedHandler {
  return {
    prefix: path,
    name,
    async fetch({ method, url }) {
      if (new URL(url).pathname !== path) return plain(404, 'not_found');
      if (method !== 'GET' && method !== 'HEAD')
        return plain(405, 'method_not_allowed', { Allow: 'GET' });
      return new Response(text(), {
        headers: {
          'Content-Type': 'application/json',
          'Cache-Control': `public, max-age=${MAX_AGE}`,
          'X-Content-Type-Options': 'nosniff',
        },
      });
    },
  };
}

function plain(status: number, code: string, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify({ status, code }), {
    status,
    headers: {
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
      ...headers,
    },
  });
}
