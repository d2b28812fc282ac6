import { describe, expect, test } from 'vitest';
import {
  createReceipt,
  denial,
  derive,
  issue,
  type Receipt,
  renderReceiptText,
  type ToolMap,
} from '../../src/index.ts';
import { columnsOf, DANGEROUS } from './columns.ts';
import { SCENES } from './scenes.ts';
import { authority, billing, ISSUER, NAMES, NOW, planner, worker } from './story.ts';

function scene(name: string): Receipt {
  const receipt = SCENES.get(name);
  if (receipt === undefined) throw new Error(name);
  return receipt;
}

function linesOf(receipt: Receipt, options?: Parameters<typeof renderReceiptText>[1]): string[] {
  return renderReceiptText(receipt, options).trimEnd().split('\n');
}

/** The text with runs of space made one, so that a test does not hang on where lines break. */
function flat(receipt: Receipt): string {
  return renderReceiptText(receipt).replace(/[\s│]+/g, ' ');
}

async function rootWith(tools: ToolMap, issuer: string = ISSUER): Promise<Receipt> {
  const chain = await issue({
    issuer,
    signer: authority,
    holder: planner.publicKey,
    now: NOW,
    id: 'hostile',
    lifetime: 60,
    maxDepth: 1,
    tools,
  });
  return createReceipt({ verdict: 'verified', chain });
}

describe('the status line', () => {
  test.each([...SCENES])(
    'of a %s is the first line, once, and never beside the other',
    (_, receipt) => {
      const [first, ...others] = linesOf(receipt);
      const { code, hop, step } = receipt.status === 'denied' ? receipt.denial : {};
      const places = [
        hop === undefined ? [] : `hop ${hop}`,
        step === undefined ? [] : `step ${step}`,
      ].flat();
      const where = places.length === 0 ? '' : ` (${places.join(', ')})`;
      expect(first).toBe(code === undefined ? 'VERIFIED' : `DENIED ${code}${where}`);
      expect(others.join('\n')).not.toMatch(/VERIFIED|DENIED/);
    },
  );
});

describe('a chain that holds', () => {
  const text = flat(scene('permitted call'));

  test.each([
    'https://authority.example ("head office", key ',
    'hop 0 issues to planner',
    'hop 1 delegates to billing',
    'ledger dropped',
    'amount range ≤ 100 → ≤ 20',
    'currency one_of "EUR", "USD" → exact "EUR"',
    'note any value, optional → dropped',
    'reason any value, optional → any value, required',
    'to any value or none → one_of "a@x.example", "b@x.example"',
    '* any other argument → refused',
    'ends 2026-06-21T00:30:10Z (29 min 50 s before its parent), 29 min 40 s left',
    'ends 2026-06-21T00:30:10Z (as its parent)',
    'most 4 → 3, here 1: 2 more hops may follow',
    'anywhere → only at https://payments.example',
    'call of refund permitted',
    'amount satisfies range ≤ 20',
    'proof proof-1, signed 2026-06-21T00:00:30Z',
    'What is left refund amount range ≤ 20 currency exact "EUR" reason any value time until',
  ])('shows %s', (words) => {
    expect(text).toContain(words);
  });

  test('shortens thumbprints, and names the key of every party', () => {
    const { thumbprint } = worker.publicKey;
    expect(text).not.toContain(thumbprint);
    expect(text).toContain(`key ${thumbprint.slice(0, 8)}…${thumbprint.slice(-4)}`);
    const node = /^● {2}billing \(key (.{8})…/m.exec(renderReceiptText(scene('permitted call')));
    expect(node?.[1]).toBe(billing.publicKey.thumbprint.slice(0, 8));
  });
});

describe('a chain that breaks', () => {
  test('is drawn up to the hop where it fails, then the break, then the rest as a count', () => {
    const lines = linesOf(scene('break in the middle'));
    const at = (start: string) => lines.findIndex((line) => line.startsWith(start));
    const order = [at('│  hop 0'), at('●  planner'), at('┊'), at('✗  hop 1'), at('○  1 token')];
    expect(order).not.toContain(-1);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    expect(lines.some((line) => line.startsWith('│  hop 1'))).toBe(false);
  });

  test('names code, step, tool, argument, both types and what the parent allows', () => {
    const text = flat(scene('break in the middle'));
    expect(text).toContain('code constraint_widened, step 4p4');
    expect(text).toContain('tool refund argument amount type range → wildcard');
    expect(text).toContain('allowed range ≤ 100 signer has to be planner, key ');
  });

  test('leaves nothing', () => {
    expect(flat(scene('break in the middle'))).not.toContain('What is left');
    expect(flat(scene('refused call'))).toContain('What is left');
  });
});

describe('a line', () => {
  test.each([40, 57, 80, 132])('is never longer than %i columns', (width) => {
    for (const receipt of SCENES.values()) {
      const widest = Math.max(...linesOf(receipt, { width }).map(columnsOf));
      expect(widest).toBeLessThanOrEqual(width);
    }
  });

  test('has 80 columns unless told otherwise, and 40 where told less', () => {
    const receipt = scene('permitted call');
    expect(linesOf(receipt)).toEqual(linesOf(receipt, { width: 80 }));
    expect(linesOf(receipt, { width: 1 })).toEqual(linesOf(receipt, { width: 40 }));
    expect(linesOf(receipt, { width: 40 })).not.toEqual(linesOf(receipt));
  });

  test.each([Number.NaN, 80.5, Number.POSITIVE_INFINITY])('refuses %d columns', (width) => {
    const thrown = expect.objectContaining({ code: 'option_invalid' });
    expect(() => renderReceiptText(scene('no chain'), { width })).toThrow(thrown);
  });

  test('ends with what can be seen, and the text with one line feed', () => {
    for (const receipt of SCENES.values()) {
      expect(renderReceiptText(receipt)).not.toMatch(/ \n|\n\n$/);
      expect(renderReceiptText(receipt)).toMatch(/\n$/);
    }
  });
});

describe('colour', () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes are control characters
  const CODES = /\u001b\[[0-9;]*m/g;

  test.each([...SCENES])(
    'of a %s is absent unless asked for, and changes no letter',
    (_, receipt) => {
      const plain = renderReceiptText(receipt);
      const coloured = renderReceiptText(receipt, { color: true });
      expect(plain).not.toMatch(DANGEROUS);
      expect(renderReceiptText(receipt, { color: false })).toBe(plain);
      expect(coloured).not.toBe(plain);
      expect(coloured.replace(CODES, '')).toBe(plain);
    },
  );

  test('is set back at the end of every line', () => {
    for (const line of linesOf(scene('permitted call'), { color: true })) {
      const codes = line.match(CODES) ?? [];
      expect(codes.length % 2).toBe(0);
      for (const [index, code] of codes.entries())
        expect(code === '\u001b[0m').toBe(index % 2 === 1);
    }
  });
});

describe('hostile names (C21, P14, S12)', () => {
  test.each([
    ['a colour code', '\u001b[32mok', '"\\u001b[32mok"'],
    ['a line feed and a status', 'x\nVERIFIED', '"x\\nVERIFIED"'],
    ['the word of a status', 'VERIFIED', '"VERIFIED"'],
    ['a bidi override', 'txt\u202egpj', '"txt\\u202egpj"'],
    ['right-to-left letters', 'x \u05d0', '"x \\u05d0"'],
    ['a zero-width space', 're\u200bfund', '"re\\u200bfund"'],
    ['markup', '<script>alert(1)</script>', '"<script>alert(1)</script>"'],
  ])('show %s as text, wherever they stand', async (_, hostile, shown) => {
    const receipt = await rootWith({
      [hostile]: { [hostile]: { constraint_type: 'exact', value: hostile } },
    });
    const [status, ...others] = linesOf(receipt);
    expect(status).toBe('VERIFIED');
    expect(others.join('\n')).not.toMatch(DANGEROUS);
    expect(others.filter((line) => /^(VERIFIED|DENIED)/.test(line))).toEqual([]);
    // The tool and the argument at the hop and in what is left; the value at both.
    expect(others.join('\n').split(shown)).toHaveLength(7);
  });

  test('are told from one another when only their middles differ: the cut says how long they were', async () => {
    const long = (length: number) => 'a'.repeat(length);
    const wildcard = { constraint_type: 'wildcard' };
    const receipt = await rootWith({
      [long(10_000)]: { [long(5000)]: wildcard, [long(5001)]: wildcard },
      [long(10_001)]: { a: { constraint_type: 'one_of', values: [long(3000), long(3001)] } },
    });
    const text = flat(receipt);
    for (const length of [10_000, 10_001, 5000, 5001, 3000, 3001])
      expect(text.split(`(${length} characters)`)).toHaveLength(3);
    expect(Math.max(...linesOf(receipt).map(columnsOf))).toBeLessThanOrEqual(80);
  });

  test('of the reader, of the issuer and of the denial are escaped too', async () => {
    const hostile = 'x\u001b[2J\u202e';
    const { leaf, anchor } = await issue({
      issuer: `urn:${hostile.replace('\u001b', '')}`,
      signer: authority,
      holder: planner.publicKey,
      now: NOW,
      id: hostile,
      lifetime: 60,
      maxDepth: 1,
      tools: {},
      audience: hostile,
    });
    const receipt = createReceipt(
      {
        verdict: 'deny',
        denial: denial('tool_added', { hop: 1, step: '4p1' }, { tool: hostile, reason: hostile }),
        verifiedPrefix: [leaf],
        presented: 2,
      },
      { names: new Map([[planner.publicKey.thumbprint, hostile]]) },
    );
    expect(anchor.issuer).toContain('\u202e');
    expect(renderReceiptText(receipt)).not.toMatch(DANGEROUS);
  });

  test('do not reorder a narrowing: wide and right-to-left letters stay within the columns', async () => {
    const values = Array.from({ length: 5 }, (_, index) => `日本語の長い値${index}`.repeat(9));
    const root = await issue({
      issuer: ISSUER,
      signer: authority,
      holder: planner.publicKey,
      now: NOW,
      id: 'r',
      lifetime: 60,
      maxDepth: 1,
      tools: { 日本: { 引数: { constraint_type: 'one_of', values } } },
    });
    const chain = await derive(root, {
      signer: planner,
      holder: billing.publicKey,
      now: NOW,
      id: 's',
      tools: { 日本: { 引数: { constraint_type: 'one_of', values: values.slice(2) } } },
    });
    const receipt = createReceipt({ verdict: 'verified', chain }, { names: NAMES });
    for (const width of [40, 80])
      expect(Math.max(...linesOf(receipt, { width }).map(columnsOf))).toBeLessThanOrEqual(width);
    expect(flat(receipt)).toContain('one_of 5 values → "日本');
  });
});
