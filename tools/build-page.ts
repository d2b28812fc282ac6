/**
 * Writes packages/cli/dist/evidence-page.html: the page in which an evidence bundle is verified, with script and style inside,
 * and a Content-Security-Policy under which it can run nothing else and send nothing anywhere. `%GIVEN%` stands where whoever hands
 * out the page may put a policy and a bundle.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { STYLE } from '@taper/core/html';
import { build } from 'esbuild';
import { repositoryRoot } from './repository.ts';

const folder = join(repositoryRoot, 'packages/cli/page');

async function script(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(folder, 'main.ts')],
    bundle: true,
    write: false,
    minify: true,
    format: 'iife',
    target: 'es2024',
    platform: 'browser',
    conditions: ['@taper/source', 'browser'],
    // A page cannot hold the end of its own script in the middle of it.
    supported: { 'inline-script': false },
    legalComments: 'none',
  });
  return outputFiles[0]?.text.trim() ?? '';
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

const code = await script();
const style = `${STYLE}${readFileSync(join(folder, 'style.css'), 'utf8').trim()}`;
const policy = `default-src 'none'; script-src ${hashOf(code)}; style-src ${hashOf(style)}; base-uri 'none'; form-action 'none'`;
const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Taper evidence</title>
<style>${style}</style>
</head>
<body>
<main id="page">
<noscript><p>This page verifies with a script of its own, which this browser does not run.</p></noscript>
</main>
<script type="application/json" id="given">%GIVEN%</script>
<script>${code}</script>
</body>
</html>
`;
const target = join(repositoryRoot, 'packages/cli/dist');
mkdirSync(target, { recursive: true });
writeFileSync(join(target, 'evidence-page.html'), page);
