import { createHash, createPrivateKey } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ExitCode, type Io, type Output, run } from '@taper/cli';
import { afterEach, expect } from 'vitest';

/** 2026-01-01T00:00:00Z, the present in every test. */
export const NOW = 1_767_225_600;

export const ISSUER = 'https://issuer.example';

export interface Result {
  readonly exitCode: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array | AsyncIterable<Uint8Array>;
  readonly env?: Readonly<Record<string, string>>;
  readonly terminal?: boolean;
  /** Fails every write to standard output with that code. */
  readonly stdoutFails?: string;
  /** Default: the present of every test. */
  readonly clock?: () => number;
  /** Ends a command that would go on for ever. */
  readonly stopped?: AbortSignal;
  /** Sees what is written to standard error, as it is written. */
  readonly onStderr?: (text: string) => void;
}

/** A private Ed25519 key that is the same in every run and that nobody has published. */
export function fixedKey(name: string): { kty: string; crv: string; x: string; d: string } {
  const seed = createHash('sha256').update(`taper cli test key: ${name}`).digest();
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const { kty, crv, x, d } = createPrivateKey({
    key: pkcs8,
    format: 'der',
    type: 'pkcs8',
  }).export({ format: 'jwk' });
  return { kty, crv, x, d } as { kty: string; crv: string; x: string; d: string };
}

const open: Workspace[] = [];

/** A folder with keys for an issuer, two agents and a stranger, in which `taper` runs. Removed after the test. */
export class Workspace {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'taper-cli-'));
  private readonly secrets: string[] = [];

  /** @param kind `empty` has no file at all. */
  constructor(kind: 'with keys' | 'empty' = 'with keys') {
    open.push(this);
    if (kind === 'empty') return;
    for (const name of ['issuer', 'planner', 'reader', 'stranger']) {
      const { d, ...jwk } = fixedKey(name);
      this.write(`${name}.jwk`, JSON.stringify({ ...jwk, d }), 0o600);
      this.write(`${name}.pub.jwk`, JSON.stringify(jwk));
      this.secrets.push(d);
    }
    const { d: _, ...jwk } = fixedKey('issuer');
    this.write('anchors.json', JSON.stringify([{ iss: ISSUER, jwk }]));
  }

  write(name: string, text: string | Uint8Array, mode = 0o644): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  }

  read(name: string): string {
    return readFileSync(join(this.folder, name), 'utf8');
  }

  /** Names of all files, hidden ones too. */
  files(): readonly string[] {
    return readdirSync(this.folder).sort();
  }

  /** From now on, no output may hold this. */
  guard(secret: string): void {
    this.secrets.push(secret);
  }

  /** Runs `taper`, and fails the test if any output holds a private key. */
  async taper(argv: readonly string[], options: RunOptions = {}): Promise<Result> {
    const stdout = new Capture(options.terminal === true, options.stdoutFails);
    const stderr = new Capture(options.terminal === true, undefined, options.onStderr);
    const io: Io = {
      stdin: source(options.stdin),
      stdinIsTerminal: options.terminal === true,
      stdout,
      stderr,
      cwd: this.folder,
      env: options.env ?? {},
      clock: options.clock ?? (() => NOW),
      stopped: options.stopped ?? AbortSignal.abort(),
    };
    const exitCode = await run(argv, io);
    for (const name of this.files().filter((file) => file.endsWith('.jwk'))) {
      const d = /"d":"([^"]{43})"/.exec(this.read(name))?.[1];
      if (d !== undefined) this.secrets.push(d);
    }
    for (const secret of this.secrets) {
      expect(stdout.text.includes(secret), 'standard output holds a private key').toBe(false);
      expect(stderr.text.includes(secret), 'standard error holds a private key').toBe(false);
    }
    return { exitCode, stdout: stdout.text, stderr: stderr.text };
  }

  /** Runs `taper … --json` and parses what it printed. */
  async json(argv: readonly string[], options: RunOptions = {}): Promise<JsonResult> {
    const { exitCode, stdout, stderr } = await this.taper([...argv, '--json'], options);
    const errors = stderr
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
    return {
      exitCode,
      result: stdout === '' ? undefined : JSON.parse(stdout),
      error: errors.find((entry) => 'error' in entry)?.error,
      warnings: errors.filter((entry) => 'warning' in entry).map((entry) => entry.warning),
    };
  }

  /** Issues a root for the planner and writes `chain.json`. */
  async issue(tools: object = READ_TWO, more: readonly string[] = []): Promise<void> {
    const { exitCode, stderr } = await this.taper([
      ...['root', 'issue', '--issuer', ISSUER, '--key', 'issuer.jwk', '--max-depth', '3'],
      ...['--holder', 'planner.pub.jwk', '--lifetime', '1h', '--tools', JSON.stringify(tools)],
      ...['--id', 'root-1', '--out', 'chain.json', '--force', ...more],
    ]);
    expect(stderr).not.toContain('taper:');
    expect(exitCode).toBe(0);
  }

  /** Issues a root, and proves a call of `read_file` in `call.json`. */
  async prove(args = '{"path":"/q1"}', more: readonly string[] = []): Promise<void> {
    await this.issue();
    const { exitCode } = await this.taper([
      ...['prove', 'chain.json', '--key', 'planner.jwk', '--anchors', 'anchors.json'],
      ...[
        '--tool',
        'read_file',
        '--args',
        args,
        '--id',
        'proof-1',
        '--out',
        'call.json',
        '--force',
      ],
      ...more,
    ]);
    expect(exitCode).toBe(0);
  }

  /** Lets it outlive the test; whoever asked removes it. */
  keep(): this {
    open.splice(open.indexOf(this), 1);
    return this;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into JSON of many shapes
type Json = any;

export interface JsonResult {
  readonly exitCode: ExitCode;
  readonly result: Json;
  readonly error: Json;
  readonly warnings: readonly Json[];
}

/** `read_file` of two paths. */
export const READ_TWO: object = {
  read_file: { path: { constraint_type: 'one_of', values: ['/q1', '/q2'] } },
};

/** `read_file` of the first of them. */
export const READ_ONE: object = {
  read_file: { path: { constraint_type: 'exact', value: '/q1' } },
};

export const VERIFY_Q1: readonly string[] = [
  ...['--anchors', 'anchors.json', '--tool', 'read_file', '--args', '{"path":"/q1"}'],
];

class Capture implements Output {
  readonly isTerminal: boolean;
  text = '';
  private readonly failure: string | undefined;
  private readonly seen: ((text: string) => void) | undefined;

  constructor(
    isTerminal: boolean,
    failure: string | undefined,
    seen?: ((text: string) => void) | undefined,
  ) {
    this.isTerminal = isTerminal;
    this.failure = failure;
    this.seen = seen;
  }

  async write(text: string): Promise<boolean> {
    if (this.failure !== undefined) throw Object.assign(new Error('write'), { code: this.failure });
    this.text += text;
    this.seen?.(text);
    return true;
  }
}

async function* source(stdin: RunOptions['stdin']): AsyncIterable<Uint8Array> {
  if (stdin === undefined) return;
  if (typeof stdin === 'string') yield Buffer.from(stdin);
  else if (stdin instanceof Uint8Array) yield stdin;
  else yield* stdin;
}

afterEach(() => {
  for (const workspace of open.splice(0)) workspace.remove();
});
