import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createReceipt, issue, renderReceiptHtml } from '../../src/index.ts';
import { SCENES } from './scenes.ts';
import { authority, ISSUER, NOW, planner } from './story.ts';

const executable = [
  process.env['CHROME_PATH'],
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
  '/usr/bin/chromium-browser',
].find((path) => path !== undefined && existsSync(path));
if (executable === undefined) console.warn('skipped: no Chromium; install one or set CHROME_PATH');

const hostile = '"><img src=/x onerror="globalThis.ran=1"><script>globalThis.ran=1</script>';
const hostileChain = await issue({
  issuer: ISSUER,
  signer: authority,
  holder: planner.publicKey,
  now: NOW,
  id: 'x'.repeat(2000),
  lifetime: 60,
  maxDepth: 1,
  audience: `${'y'.repeat(400)}${hostile}`,
  tools: {
    [hostile]: { [hostile]: { constraint_type: 'exact', value: `${hostile}${'z'.repeat(300)}` } },
    ['\u05d0'.repeat(100)]: { ['日本'.repeat(50)]: { constraint_type: 'wildcard' } },
  },
});

const pages: ReadonlyMap<string, string> = new Map(
  [
    ...SCENES,
    ['hostile chain', createReceipt({ verdict: 'verified', chain: hostileChain })] as const,
  ].map(([name, receipt]) => [name, renderReceiptHtml(receipt)]),
);

/** Elements whose text does not stand out from what is behind it (WCAG 2, contrast 4.5). Runs in the page. */
function faintTexts(): readonly string[] {
  const parse = (color: string): readonly number[] => (color.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (color: string): number => {
    const [red = 0, green = 0, blue = 0] = parse(color).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (element: Element | null): string => {
    if (element === null) return 'rgb(255, 255, 255)';
    const { backgroundColor } = getComputedStyle(element);
    return parse(backgroundColor)[3] === 0 ? behind(element.parentElement) : backgroundColor;
  };
  return [...document.querySelectorAll('main *')]
    .filter((each) =>
      [...each.childNodes].some((node) => node.nodeType === 3 && node.nodeValue?.trim()),
    )
    .filter((each) => {
      const [one, two] = [luminance(getComputedStyle(each).color), luminance(behind(each))];
      return (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05) < 4.5;
    })
    .map((each) => each.outerHTML.slice(0, 120));
}

describe.skipIf(executable === undefined)('the page in Chromium', () => {
  let server: Server;
  let browser: Browser;
  let origin: string;
  const requests: string[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      requests.push(request.url ?? '');
      response.setHeader('content-type', 'text/html');
      response.end(pages.get(decodeURIComponent((request.url ?? '').slice(1))) ?? '');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    browser = await chromium.launch({
      executablePath: executable as string,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-sync'],
    });
  });

  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  async function open(name: string, width: number, colorScheme: 'light' | 'dark'): Promise<Page> {
    const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
    await page.goto(origin + encodeURIComponent(name));
    return page;
  }

  test.each([...pages.keys()])(
    'of a %s asks for nothing, runs nothing and fits a phone',
    async (name) => {
      requests.length = 0;
      const page = await browser.newPage({ viewport: { width: 360, height: 800 } });
      const complaints: string[] = [];
      page.on('console', (message) => complaints.push(message.text()));
      await page.goto(origin + encodeURIComponent(name));
      await page.waitForTimeout(50);
      expect(requests).toEqual([`/${encodeURIComponent(name)}`]);
      expect(complaints).toEqual([]);
      expect(await page.evaluate(() => 'ran' in globalThis)).toBe(false);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
      await page.close();
    },
  );

  test.each(['light', 'dark'] as const)('can be read in %s colours', async (scheme) => {
    const backgrounds = new Set<string>();
    for (const name of ['permitted call', 'refused call', 'break in the middle']) {
      const page = await open(name, 900, scheme);
      expect(await page.evaluate(faintTexts)).toEqual([]);
      backgrounds.add(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
      await page.close();
    }
    expect([...backgrounds]).toEqual([
      scheme === 'light' ? 'rgb(246, 245, 241)' : 'rgb(21, 21, 19)',
    ]);
  });

  test('prints in black on white, also from a dark screen', async () => {
    const page = await open('break in the middle', 900, 'dark');
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    expect(await page.evaluate(faintTexts)).toEqual([]);
    expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe(
      'rgb(255, 255, 255)',
    );
    await page.close();
  });
});
