import { existsSync, globSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createVerifier, importPublicKey } from '../../src/index.ts';
import { expectedOf, type LogVectors } from '../log-proof/judge.ts';
import { okp, verdicts } from '../signature-verdict.ts';
import { thirdPartyVectors } from '../third-party-vectors.ts';
import type { Answer, SignatureCase, Suite, TaperPage } from './page.ts';

declare const taper: TaperPage;

const executable = [
  process.env['CHROME_PATH'],
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
  '/usr/bin/chromium-browser',
].find((path) => path !== undefined && existsSync(path));
if (executable === undefined) console.warn('skipped: no Chromium; install one or set CHROME_PATH');

const own = globSync(fileURLToPath(new URL('../../../../vectors/*.json', import.meta.url))).map(
  (path) => JSON.parse(readFileSync(path, 'utf8')) as Suite,
);
const suites = [...own, thirdPartyVectors<Suite>('aat/aat-vectors-compact.json')].filter(
  (suite) => suite?.vectors !== undefined,
) as Suite[];

const logs = ['checkpoint.json', 'merkle.json', 'proof.json'].map((name) => {
  const path = fileURLToPath(new URL(`../../../../vectors/log/${name}`, import.meta.url));
  return [name, JSON.parse(readFileSync(path, 'utf8')) as LogVectors] as const;
});

/** What the same vectors get from the synchronous verifier in Node. */
function judgeInNode(suite: Suite): readonly Answer[] {
  const anchors = suite.trust_anchors.map(({ iss, jwk }) => ({
    issuer: iss,
    key: importPublicKey(jwk),
  }));
  return suite.vectors.map(({ id, policy, chain, pop, tool, args_json, now }) => {
    const verifier = createVerifier({
      anchors,
      audience: suite.params.audience,
      requireProofAudience: policy.require_pop_aud ?? false,
      requireChainAudience: policy.require_chain_aud ?? false,
      ...(policy.nonce === undefined
        ? {}
        : { acceptsNonce: (nonce: string) => nonce === policy.nonce }),
    });
    const presentation = { aat_chain: chain, aat_pop: pop };
    const decision = verifier.authorize({ presentation, tool, args: args_json, now });
    return {
      id,
      verdict: decision.verdict,
      denial: decision.verdict === 'deny' ? decision.denial : undefined,
    };
  });
}

describe.skipIf(executable === undefined)('the browser build in Chromium', () => {
  let server: Server;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    const bundle = await build({
      entryPoints: [fileURLToPath(new URL('page.ts', import.meta.url))],
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'browser',
      conditions: ['@taper/source', 'browser'],
    });
    const script = bundle.outputFiles[0]?.text ?? '';
    server = createServer((request, response) => {
      const isScript = request.url === '/page.js';
      response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
      response.end(
        isScript ? script : '<!doctype html><script type="module" src="/page.js"></script>',
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    browser = await chromium.launch({
      executablePath: executable as string,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
    page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.waitForFunction(() => 'taper' in globalThis);
  });

  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  test('runs on WebCrypto, without anything of Node', async () => {
    expect(await page.evaluate(() => taper.platform)).toBe('webcrypto');
  });

  test('has vectors to verify', () => {
    expect(own.length).toBeGreaterThan(0);
  });

  test.each(suites.map((suite) => [suite.vectors.length, suite] as const))(
    'gives the verdict, code and step that Node gives, on all of %i vectors',
    async (_count, suite) => {
      const answers = await page.evaluate((vectors) => taper.judge(vectors), suite as Suite);
      expect(answers).toEqual(JSON.parse(JSON.stringify(judgeInNode(suite))));
      expect(answers.some(({ verdict }) => verdict === 'permit')).toBe(true);
    },
  );

  test.each(logs)('says to vectors/log/%s what they expect', async (_name, vectors) => {
    const answers = await page.evaluate((given) => taper.judgeLog(given), vectors);
    expect(answers).toEqual(expectedOf(vectors));
    expect(Object.keys(answers).length).toBeGreaterThan(0);
  });

  test('gives the verdicts of the other backends on every CCTV case', async ({ skip }) => {
    interface Case {
      readonly key: string;
      readonly sig: string;
      readonly msg: string;
    }
    const cctv = thirdPartyVectors<readonly Case[]>('cctv-ed25519/ed25519/ed25519vectors.json');
    if (cctv === undefined) return skip();
    const cases: SignatureCase[] = cctv.map(({ key, sig, msg }) => ({
      jwk: okp(key),
      input: Buffer.from(msg).toString('hex'),
      signature: sig,
    }));
    const inChromium = await page.evaluate((given) => taper.checkSignatures(given), cases);
    const inNode = await Promise.all(
      cases.map(async ({ jwk, input, signature }) => {
        const all = await verdicts(jwk, Buffer.from(input, 'hex'), Buffer.from(signature, 'hex'));
        return all['node:crypto'];
      }),
    );
    expect(inChromium).toEqual(inNode);
    expect(inChromium).toHaveLength(914);
  });
});
