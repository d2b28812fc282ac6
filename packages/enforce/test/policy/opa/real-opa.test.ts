import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createOpaEngine, loadOpaBundle, type OpaEngine } from '../../../src/policy/opa/index.ts';
import type { PolicyEngine } from '../../../src/port/policy-engine.ts';
import { policyEngineContract } from '../../../src/testing/policy-engine.ts';
import { DEPLOYER, HELPER, policyChain, policyInput, REFUND_DESK, REVIEWER } from '../input.ts';

// Needs OPA itself: a server with examples/policies/rego at TAPER_OPA_URL, or `opa` on the path.

const FOLDER = fileURLToPath(new URL('../../../../../examples/policies/rego/', import.meta.url));
const ENTRYPOINT = 'taper/decision';
/** Looked for on the path. */
const OPA = 'opa';
const given = process.env['TAPER_OPA_URL'];
const hasBinary = spawnSync(OPA, ['version'], { stdio: 'ignore' }).status === 0;

if (given === undefined && !hasBinary)
  console.warn(
    'Skipped: no OPA. Set TAPER_OPA_URL, or put `opa` on the path, to run the suites against it.',
  );
else if (!hasBinary)
  console.warn('Skipped: `opa test` and compiled bundles. They need `opa` on the path.');

const comment = { repository: 'taper', number: 7, body: 'Looks right.' };
const deploy = (environment: string) => ({ service: 'shop', environment, version: '1.4.0' });
const refund = (amount: string) => ({ order: 'A-17', amount });
const call = (tool: string, holder: string, args: Readonly<Record<string, string | number>>) =>
  policyInput({ tool, chains: [policyChain([holder, HELPER])], arguments: args });

/** The cases of the examples. */
function examples(engineOf: () => PolicyEngine): void {
  test.each([
    ['comment_on_pull_request', REVIEWER, comment, 'permit'],
    ['comment_on_pull_request', DEPLOYER, comment, 'deny'],
    ['comment_on_pull_request', HELPER, comment, 'deny'],
    ['deploy', DEPLOYER, deploy('staging'), 'permit'],
    ['deploy', DEPLOYER, deploy('production'), 'approval_required'],
    ['deploy', DEPLOYER, deploy('Production'), 'deny'],
    ['deploy', REVIEWER, deploy('production'), 'deny'],
    ['refund_order', REFUND_DESK, refund('0.00'), 'deny'],
    ['refund_order', REFUND_DESK, refund('100.00'), 'permit'],
    ['refund_order', REFUND_DESK, refund('100.01'), 'approval_required'],
    ['refund_order', REFUND_DESK, refund('5000.00'), 'approval_required'],
    ['refund_order', REFUND_DESK, refund('5000.01'), 'deny'],
    ['refund_order', REFUND_DESK, refund('1e2'), 'deny'],
    ['refund_order', DEPLOYER, refund('1.00'), 'deny'],
    ['drop_table', REVIEWER, {}, 'deny'],
  ] as const)('%s by %s with %j: %s', async (tool, holder, args, verdict) => {
    expect((await engineOf().decide(call(tool, holder, args))).verdict).toBe(verdict);
  });

  policyEngineContract({
    test,
    open: () => ({
      engine: engineOf(),
      permitted: call('refund_order', REFUND_DESK, refund('50.00')),
      denied: call('refund_order', REFUND_DESK, refund('5000.01')),
      undecided: call('drop_table', REFUND_DESK, {}),
      needsApproval: call('refund_order', REFUND_DESK, refund('100.01')),
      requirements: [{ group: 'finance', count: 1 }],
      deniedAndNeedsApproval: call('refund_order', REFUND_DESK, refund('9000.00')),
      failing: [call('refund_order', REFUND_DESK, refund('1e2'))],
    }),
  });
}

describe.skipIf(given === undefined && !hasBinary)('a real OPA server', () => {
  let server: ChildProcess | undefined;
  let engine: OpaEngine;

  beforeAll(async () => {
    const url = given ?? `http://127.0.0.1:${await freePort()}`;
    if (given === undefined) {
      const options = [
        '--addr',
        new URL(url).host,
        '--log-level',
        'error',
        '--ignore',
        '*_test.rego',
      ];
      server = spawn(OPA, ['run', '--server', ...options, '--bundle', FOLDER], {
        stdio: 'ignore',
      });
    }
    engine = createOpaEngine({ url, path: ENTRYPOINT, timeout: 10_000, allowHttp: true });
    while ((await engine.health()).status !== 'healthy')
      await new Promise((resolve) => setTimeout(resolve, 50));
  });

  afterAll(() => {
    engine.close();
    server?.kill();
  });

  examples(() => engine);

  test('Y01 denies where no such rule is', async () => {
    const url = given ?? `http://127.0.0.1:${portOf(server)}`;
    const other = createOpaEngine({ url, path: 'taper/no_such_rule', allowHttp: true });
    try {
      expect((await other.decide(policyInput())).verdict).toBe('deny');
    } finally {
      other.close();
    }
  });
});

test.each(['decision.rego', 'review.rego', 'deploy.rego', 'refund.rego'])(
  'docs/policy.md shows %s as it is',
  (name) => {
    const page = readFileSync(new URL('../../../../../docs/policy.md', import.meta.url), 'utf8');
    expect(page).toContain(`\`\`\`rego\n${readFileSync(join(FOLDER, name), 'utf8')}\`\`\``);
  },
);

describe.skipIf(!hasBinary)('the Rego policies of the examples', () => {
  test('pass their own tests', () => {
    expect(spawnSync(OPA, ['test', '--bundle', FOLDER], { encoding: 'utf8' })).toMatchObject({
      status: 0,
    });
  });
});

describe.skipIf(!hasBinary)('a bundle that `opa build` has made', () => {
  let folder: string;
  let engine: PolicyEngine;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'taper-opa-build-'));
    const file = join(folder, 'bundle.tar.gz');
    const options = ['-t', 'wasm', '-e', ENTRYPOINT, '--ignore', '*_test.rego', '-o', file];
    const built = spawnSync(OPA, ['build', ...options, '--bundle', FOLDER], { encoding: 'utf8' });
    expect(built).toMatchObject({ status: 0 });
    engine = await loadOpaBundle({ file, entrypoint: ENTRYPOINT });
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  examples(() => engine);
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** As it was given to the process. */
function portOf(server: ChildProcess | undefined): string {
  return server?.spawnargs.find((each) => each.startsWith('127.0.0.1:'))?.split(':')[1] ?? '';
}
