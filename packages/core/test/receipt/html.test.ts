import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createReceipt, issue, type Receipt, renderReceiptHtml } from '../../src/index.ts';
import { DANGEROUS } from './columns.ts';
import { tagsOf } from './html-tags.ts';
import { SCENES } from './scenes.ts';
import { authority, ISSUER, NOW, planner, worker } from './story.ts';

function page(name: string): string {
  return renderReceiptHtml(SCENES.get(name) as Receipt);
}

/** What is there to read, without tags and style. */
function readable(html: string): string {
  return html
    .replace(/<style>.*<\/style>/s, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');
}

describe.each([...SCENES])('the page of a %s', (_, receipt) => {
  const html = renderReceiptHtml(receipt);

  test('is made of our own tags, which nest', () => {
    expect(tagsOf(html).length).toBeGreaterThan(20);
  });

  test('has no script, and no reference to anything outside it', () => {
    expect(html).not.toMatch(/<script|javascript:|@import|url\(/i);
    for (const tag of tagsOf(html)) expect(tag).not.toMatch(/https?:|src=|href=|style=|\son/);
  });

  test('allows its own style and nothing else', () => {
    const style = /<style>(.*)<\/style>/s.exec(html)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(html).toContain(
      `content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'"`,
    );
  });

  test('has the status once, and never beside the other', () => {
    const words = readable(html).match(/VERIFIED|DENIED/g);
    expect(words).toEqual([receipt.status === 'verified' ? 'VERIFIED' : 'DENIED']);
  });
});

describe('the drawn chain', () => {
  test('has a node for the issuer and for each holder, and what became of the call at its end', () => {
    const kinds = [...page('permitted call').matchAll(/<li class="([a-z]+)">/g)].map(
      ([, kind]) => kind,
    );
    expect(kinds).toEqual([
      'anchor',
      'hop',
      'holder',
      'hop',
      'holder',
      'hop',
      'holder',
      'permitted',
    ]);
  });

  test('is broken at the hop where it fails, with the rest as a count', () => {
    const kinds = [...page('break in the middle').matchAll(/<li class="([a-z]+)">/g)].map(
      ([, kind]) => kind,
    );
    expect(kinds).toEqual(['anchor', 'hop', 'holder', 'break', 'unexamined']);
    expect(readable(page('break in the middle'))).toContain('1 token, not examined');
  });

  test('names keys whole', () => {
    expect(page('permitted call')).toContain(
      `<code class="key">${worker.publicKey.thumbprint}</code>`,
    );
  });

  test('says what narrowed, and what is left only where something is', () => {
    expect(readable(page('permitted call'))).toContain('range ≤ 100 → ≤ 20');
    expect(readable(page('permitted call'))).toContain('What is left');
    expect(readable(page('break in the middle'))).not.toContain('What is left');
  });
});

describe('hostile text (C21, S12)', () => {
  test.each([
    ['an element', '<img src=x onerror=alert(1)>'],
    ['the end of the page', '</main></body></html>'],
    ['the end of the style', '</style><script>alert(1)</script>'],
    ['a comment', '<!--'],
    ['the end of an attribute', '" onmouseover="alert(1)'],
    ['an entity', '&lt;script&gt;'],
  ])('cannot be %s', async (_, hostile) => {
    const chain = await issue({
      issuer: ISSUER,
      signer: authority,
      holder: planner.publicKey,
      now: NOW,
      id: hostile,
      lifetime: 60,
      maxDepth: 1,
      audience: hostile,
      tools: { [hostile]: { [hostile]: { constraint_type: 'exact', value: hostile } } },
    });
    const receipt = createReceipt(
      { verdict: 'verified', chain },
      { names: new Map([[planner.publicKey.thumbprint, hostile]]) },
    );
    const html = renderReceiptHtml(receipt);
    expect(html).not.toContain(hostile);
    expect(() => tagsOf(html)).not.toThrow();
  });

  test('that a reader could not see is shown as an escape, and each word is isolated', async () => {
    const chain = await issue({
      issuer: ISSUER,
      signer: authority,
      holder: planner.publicKey,
      now: NOW,
      id: 'r',
      lifetime: 60,
      maxDepth: 1,
      tools: { 'a\u202eb': {}, '\u05d0': {} },
    });
    const html = renderReceiptHtml(createReceipt({ verdict: 'verified', chain }));
    expect(html).not.toMatch(DANGEROUS);
    expect(html).toContain('<bdi>&#34;a\\u202eb&#34;</bdi>');
    expect(html).toContain('<bdi>&#34;\u05d0&#34;</bdi>');
  });

  test('of 10,000 characters is shortened with a count', async () => {
    const chain = await issue({
      issuer: ISSUER,
      signer: authority,
      holder: planner.publicKey,
      now: NOW,
      id: 'r',
      lifetime: 60,
      maxDepth: 1,
      tools: { ['x'.repeat(10_000)]: {} },
    });
    const html = renderReceiptHtml(createReceipt({ verdict: 'verified', chain }));
    expect(html).toContain('<small>(10000 characters)</small>');
    expect(html.length).toBeLessThan(15_000);
  });
});
