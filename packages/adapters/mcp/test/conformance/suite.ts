import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** What the suite found: `PASS`, `FAILURE`, `WARNING` … for each scenario and check, in order. */
export type Findings = ReadonlyMap<string, string>;

interface Check {
  readonly id: string;
  readonly status: string;
}

/** What the suite only took note of, such as each message: no finding. */
const NOTE = 'INFO';

/** Runs the official conformance suite, all of its scenarios for servers, against a server. */
export async function runSuite(url: URL): Promise<Findings> {
  const package_ = createRequire(import.meta.url).resolve(
    '@modelcontextprotocol/conformance/package.json',
  );
  const folder = mkdtempSync(join(tmpdir(), 'taper-conformance-'));
  try {
    const script = join(dirname(package_), 'dist/index.js');
    const args = [script, 'server', '--url', url.href, '--suite', 'all', '--output-dir', folder];
    const suite = spawn(process.execPath, args, { stdio: 'ignore' });
    await once(suite, 'exit');
    return readFindings(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function readFindings(folder: string): Findings {
  const findings = new Map<string, string>();
  for (const name of readdirSync(folder).sort()) {
    const scenario = name.replace(/^server-/, '').replace(/-\d{4}-\d\d-\d\dT.*$/, '');
    const checks = JSON.parse(readFileSync(join(folder, name, 'checks.json'), 'utf8')) as Check[];
    for (const [index, { id, status }] of checks.filter((c) => c.status !== NOTE).entries())
      findings.set(`${scenario} / ${index} ${id}`, status);
  }
  return findings;
}
