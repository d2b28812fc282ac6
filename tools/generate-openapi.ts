/**
 * Writes the OpenAPI document of the authority, from its table of endpoints, and the types of the command's client, from the
 * document. With `--check` it writes nothing and fails where a file is another. Needs `--conditions=@taper/source`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ENDPOINTS, openApiDocument } from '@taper/authority/http';
import { renderClientTypes } from 'taper-openapi';
import { repositoryRoot } from './repository.ts';

const DOCUMENT = 'spec/authority.openapi.json';
const CLIENT_TYPES = 'packages/cli/src/authority-client/paths.ts';

/** As Biome would leave it. */
function formatted(path: string, text: string): string {
  const { status, stdout, stderr } = spawnSync(
    join(repositoryRoot, 'node_modules/.bin/biome'),
    ['format', `--stdin-file-path=${path}`],
    { input: text, encoding: 'utf8', shell: process.platform === 'win32' },
  );
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

const { version } = JSON.parse(
  readFileSync(join(repositoryRoot, 'packages/authority/package.json'), 'utf8'),
) as { readonly version: string };
const document = `${JSON.stringify(openApiDocument(ENDPOINTS, version), null, 2)}\n`;
const files = new Map([
  [DOCUMENT, formatted(DOCUMENT, document)],
  [CLIENT_TYPES, formatted(CLIENT_TYPES, await renderClientTypes(document, DOCUMENT))],
]);

for (const [path, content] of files) {
  const file = join(repositoryRoot, path);
  if (existsSync(file) && readFileSync(file, 'utf8') === content) continue;
  if (process.argv.includes('--check')) {
    console.log(`${path} is not what the table of endpoints says: run npm run generate`);
    process.exitCode = 1;
    continue;
  }
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  console.log(`wrote ${path}`);
}
