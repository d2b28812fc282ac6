import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const HOME = fileURLToPath(new URL('../../../verifiers/python/', import.meta.url));

const PROBE = `
import sys
if sys.version_info < (3, 11): sys.exit('Python %d.%d is older than 3.11' % sys.version_info[:2])
try:
    import cryptography
except ImportError:
    sys.exit('the package cryptography is not there (Debian: python3-cryptography)')
`;

/** Why the verifier in Python cannot run on this machine; undefined where it can. */
export function whyNoPython(): string | undefined {
  const { error, status, stderr } = spawnSync('python3', ['-c', PROBE], { encoding: 'utf8' });
  if (error !== undefined) return 'python3 is not there';
  return status === 0 ? undefined : stderr.trim();
}

export interface PythonRun {
  readonly status: number | null;
  /** What it said, both streams. */
  readonly output: string;
}

/** Runs a module of `verifiers/python`, such as `taper_verify` or `unittest`. */
export function runPython(module: string, ...options: readonly string[]): Promise<PythonRun> {
  return new Promise((resolve, reject) => {
    const child = spawn('python3', ['-m', module, ...options], {
      cwd: HOME,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', PYTHONIOENCODING: 'utf-8' },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, output }));
  });
}
