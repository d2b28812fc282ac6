import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { run } from './command.ts';
import { repositoryRoot, workspacesOf } from './repository.ts';

/** What `npm pack --json` says of one package. */
interface Packed {
  readonly name: string;
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** Findings about which files a package ships. */
function checkFiles({ name, files }: Packed): readonly string[] {
  const paths = new Set(files.map(({ path }) => path));
  const findings: string[] = [];
  if (!paths.has('LICENSE')) findings.push(`${name} ships no LICENSE`);
  for (const path of paths) {
    const module = /^dist\/(.+?)(\.d\.ts|\.js)(\.map)?$/.exec(path)?.[1];
    if (module !== undefined && !paths.has(`src/${module}.ts`)) {
      findings.push(`${name} ships ${path}, whose source is gone: delete dist/ and build again`);
    }
    if (/\.tsbuildinfo$|\.test\.|^test\//.test(path)) findings.push(`${name} ships ${path}`);
  }
  return findings;
}

async function checkTarball(path: string, name: string): Promise<readonly string[]> {
  const content = new Uint8Array(readFileSync(path));
  const { messages, pkg } = await publint({ strict: true, pack: { tarball: content.buffer } });
  const findings = messages.map((one) => `${name}: ${formatMessage(one, pkg, { color: false })}`);
  // esm-only: the packages are ES modules for Node 24, so how `require` in a CommonJS project of an
  // old resolver sees them does not matter. no-definitely-typed: never ask the registry.
  const attw = await run(
    'attw',
    path,
    ...['--profile', 'esm-only', '--no-definitely-typed', '--no-color', '--no-emoji'],
    ...['--format', 'ascii'],
  );
  return attw.ok ? findings : [...findings, attw.output];
}

/**
 * Packs every public package as `npm publish` would, and reads the result as an installing project
 * would: publint (package.json against the files), arethetypeswrong (types against the code), and
 * what files there are. Needs dist/ to be built.
 *
 * @returns one text for each finding
 */
export async function checkPackages(): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'taper-pack-'));
  try {
    const names = workspacesOf(repositoryRoot)
      .filter(({ manifest }) => manifest.private !== true)
      .map(({ manifest }) => manifest.name);
    const packed = await run(
      'npm',
      ...['pack', '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination', folder],
      ...names.map((name) => `--workspace=${name}`),
    );
    if (!packed.ok) return [packed.output];
    const findings: string[] = [];
    for (const one of JSON.parse(packed.stdout) as Packed[]) {
      findings.push(...checkFiles(one));
      findings.push(...(await checkTarball(join(folder, one.filename), one.name)));
    }
    return findings;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
