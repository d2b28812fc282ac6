import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openWorld, type World } from './evidence-world.ts';

const executable = [
  process.env['CHROME_PATH'],
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
  '/usr/bin/chromium-browser',
].find((path) => path !== undefined && existsSync(path));
if (executable === undefined) console.warn('skipped: no Chromium; install one or set CHROME_PATH');

describe.skipIf(executable === undefined)('the page for evidence in Chromium', () => {
  let world: World;
  let browser: Browser;
  let bundle: string;

  beforeAll(async () => {
    world = await openWorld();
    const { workspace } = world;
    const { stdout } = await workspace.taper([
      ...['evidence', 'export', 'audit', '--revocation-log', 'revocation'],
      ...['--anchors', 'anchors.json'],
    ]);
    bundle = stdout;
    workspace.write('bundle.json', bundle);
    await report('page.html');
    await report('policy.html', '--policy', 'trust.json', '--anchors', 'anchors.json');
    browser = await chromium.launch({
      executablePath: executable as string,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    });
  });

  afterAll(async () => {
    await browser?.close();
    world?.workspace.remove();
  });

  async function report(out: string, ...options: readonly string[]): Promise<void> {
    const argv = ['evidence', 'report', '--html', '--out', out, '--force', ...options];
    const { exitCode, stderr } = await world.workspace.taper(argv);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  }

  /** Opens a page of the workspace, and notes every request that it makes and everything that goes wrong in it. */
  async function opened(
    name: string,
  ): Promise<{ page: Page; requests: string[]; faults: string[] }> {
    const page = await browser.newPage();
    const requests: string[] = [];
    const faults: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text());
    });
    await page.goto(pathToFileURL(join(world.workspace.folder, name)).href);
    return { page, requests, faults };
  }

  async function verdicts(page: Page): Promise<readonly string[]> {
    await page.waitForSelector('.verdicts');
    return page.$$eval('.verdicts .verdict', (all) =>
      all.map((each) => each.className.split(' ')[1] ?? ''),
    );
  }

  /** Drops a file as a person does with a mouse. */
  async function drop(page: Page, kind: string, text: string): Promise<void> {
    await page.evaluate(
      ([zone, content]) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([content as string], `${zone}.json`));
        const target = document.getElementById(`drop-${zone}`) as HTMLElement;
        target.dispatchEvent(
          new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }),
        );
      },
      [kind, text] as const,
    );
    await page.waitForFunction(
      (zone) => document.getElementById(`drop-${zone}`)?.classList.contains('given'),
      kind,
    );
  }

  test('gives the verdict of the command line on what is dropped into it, and sends no request', async () => {
    const { page, requests, faults } = await opened('policy.html');
    await drop(page, 'bundle', bundle);
    expect(await verdicts(page)).toEqual(['pass', 'pass', 'pass']);
    const { result } = await world.workspace.json([
      ...['verify', 'bundle.json', '--anchors', 'anchors.json', '--policy', 'trust.json'],
    ]);
    expect(result).toMatchObject({ authentic: 'pass', authorized: 'pass', complete: 'pass' });
    expect(await page.$$('.events > li')).toHaveLength(7);
    expect(await page.$$('.receipt.verified')).toHaveLength(4);
    expect(await page.$$('.graph circle')).toHaveLength(3);
    expect(await page.$$('.graph path')).toHaveLength(2);
    expect(requests.map((url) => new URL(url).protocol)).toEqual(['file:']);
    expect(faults).toEqual([]);
    await page.close();
  });

  test('takes the policy from a file as well', async () => {
    const { page, requests } = await opened('page.html');
    const policy = JSON.parse(world.workspace.read('trust.json'));
    const anchors = JSON.parse(world.workspace.read('anchors.json')) as {
      iss: string;
      jwk: object;
    }[];
    const all = { ...policy, anchors: anchors.map(({ iss, jwk }) => ({ issuer: iss, key: jwk })) };
    await drop(page, 'policy', JSON.stringify(all));
    await drop(page, 'bundle', bundle);
    expect(await verdicts(page)).toEqual(['pass', 'pass', 'pass']);
    expect(requests).toHaveLength(1);
    await page.close();
  });

  const changed: readonly [string, (text: string) => string, string][] = [
    [
      'an event that was changed',
      (text) => text.replace('invoice-1', 'invoice-9'),
      'root_mismatch',
    ],
    [
      'another version',
      (text) => text.replace('"taper_evidence":1', '"taper_evidence":7'),
      'version_unsupported',
    ],
    ['half a bundle', (text) => text.slice(0, text.length / 2), 'bundle_malformed'],
  ];
  test.each(changed)('names %s, as the command line does', async (_, change, code) => {
    const { page } = await opened('policy.html');
    await drop(page, 'bundle', change(bundle));
    expect((await verdicts(page))[0]).toBe('fail');
    expect(await page.textContent('#problems')).toContain(code);
    await page.close();
  });

  test('runs nothing that stands in a bundle or a policy (C21, O11)', async () => {
    const hostile =
      '</script><script>globalThis.ran=1</script><img src=/x onerror="globalThis.ran=1">';
    world.workspace.write(
      'hostile.json',
      bundle.replace('invoice-1', JSON.stringify(hostile).slice(1, -1)),
    );
    await report(
      'hostile.html',
      'hostile.json',
      '--policy',
      'trust.json',
      '--anchors',
      'anchors.json',
    );
    const { page, requests } = await opened('hostile.html');
    expect((await verdicts(page))[0]).toBe('fail');
    expect(await page.evaluate(() => 'ran' in globalThis)).toBe(false);
    expect(requests).toHaveLength(1);
    await page.close();
  });

  test('could not send anything if it tried', async () => {
    let received = 0;
    const server = createServer((_, response) => {
      received += 1;
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const { page } = await opened('policy.html');
    const outcome = await page.evaluate(async (target) => {
      const image = new Image();
      image.src = target;
      navigator.sendBeacon(target, 'x');
      const script = document.createElement('script');
      script.textContent = 'globalThis.ran=1';
      document.body.append(script);
      const fetched = await fetch(target).then(
        () => 'sent',
        () => 'refused',
      );
      return { fetched, ran: 'ran' in globalThis };
    }, url);
    expect(outcome).toEqual({ fetched: 'refused', ran: false });
    await page.waitForTimeout(200);
    expect(received).toBe(0);
    await page.close();
    await new Promise((resolve) => server.close(resolve));
  });
});
