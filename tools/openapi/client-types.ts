import openapiTypescript, { astToString } from 'openapi-typescript';

/** TypeScript types of the paths of an OpenAPI document, as `openapi-fetch` takes them. */
export async function renderClientTypes(document: string, source: string): Promise<string> {
  const types = astToString(
    await openapiTypescript(document, { immutable: false, alphabetize: false }),
  );
  return `// Generated from ${source} by tools/generate-openapi.ts. Do not edit.\n\n${types}`;
}
