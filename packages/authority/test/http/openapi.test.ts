import { REFUSALS } from '@taper/authority';
import { administrativeTools, ENDPOINTS, openApiDocument } from '@taper/authority/http';
import { describe, expect, it } from 'vitest';

const document = openApiDocument(ENDPOINTS, '1.0.0') as unknown as {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Record<string, unknown>>>;
};

describe('the table of endpoints', () => {
  it('is the OpenAPI document: every endpoint is an operation, and no other', () => {
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
    expect(operations.map(({ operationId }) => operationId).sort()).toEqual(
      ENDPOINTS.map(({ name }) => name).sort(),
    );
    expect(new Set(ENDPOINTS.map(({ name }) => name)).size).toBe(ENDPOINTS.length);
    expect(document.openapi).toBe('3.1.0');
  });

  it('says of every operation who may call it', () => {
    for (const { method, path, access } of ENDPOINTS) {
      const { security } =
        document.paths[path.replaceAll(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()] ?? {};
      expect(security).toEqual(access.kind === 'open' ? [] : [{ [access.kind]: [] }]);
    }
  });

  it('refuses with codes that are documented', () => {
    for (const { refusals } of ENDPOINTS)
      for (const code of refusals) expect(REFUSALS[code].status).toBeGreaterThanOrEqual(400);
  });
});

describe('the tools of an administrator', () => {
  it('are all of them, with any arguments, for one of all tenants', () => {
    const tools = administrativeTools(ENDPOINTS, undefined);
    const all = ENDPOINTS.flatMap(({ access }) => ('tool' in access ? [access.tool] : []));
    expect(Object.keys(tools).sort()).toEqual([...all].sort());
  });

  it('are for one of a tenant those whose path names it, with this one alone', () => {
    const tools = administrativeTools(ENDPOINTS, 'acme');
    expect(Object.keys(tools)).not.toContain('taper:admin/grant.apply');
    expect(Object.keys(tools)).not.toContain('taper:admin/administrator.add');
    expect(Object.keys(tools)).not.toContain('taper:admin/revocation.add');
    for (const [tool, args] of Object.entries(tools)) {
      if (tool === 'taper:admin/administrator.renew') continue;
      expect(args['tenant']).toEqual({ constraint_type: 'exact', value: 'acme' });
    }
  });
});
