import { readFileSync } from 'node:fs';
import { schemaProblem } from '@taper/testkit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  createReceipt,
  createVerifier,
  derive,
  issue,
  type JsonObject,
  type JsonValue,
  type Receipt,
  renderReceiptHtml,
  renderReceiptText,
  type Signer,
  type ToolMap,
  type VerifiedChain,
} from '../../src/index.ts';
import { columnsOf, DANGEROUS } from './columns.ts';
import { tagsOf } from './html-tags.ts';
import { authority, billing, forge, ISSUER, NOW, planner, worker } from './story.ts';

const schema = JSON.parse(
  readFileSync(new URL('../../../../spec/receipt.schema.json', import.meta.url), 'utf8'),
) as JsonObject;

const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.string({ unit: 'grapheme', maxLength: 120 }),
  fc.constantFrom(
    'VERIFIED',
    'DENIED',
    '</style><script>alert(1)</script>',
    '" onload="alert(1)',
    '\u001b]8;;http://evil.example\u0007',
    '\u202eabc\u2066',
    '日本語'.repeat(40),
    'ש'.repeat(90),
    'a\u0300'.repeat(200),
    'x'.repeat(1500),
    'word '.repeat(300),
  ),
);
/** JSON has no name for a prototype here, and `"*"` is no name of an argument. */
const member = hostileText.filter((text) => text !== '__proto__' && text !== '*');
const value: fc.Arbitrary<JsonValue> = fc.oneof(
  hostileText,
  fc.integer(),
  fc.constant(null),
  fc.array(hostileText, { maxLength: 3 }),
);
const constraint: fc.Arbitrary<JsonObject> = fc.oneof(
  fc.constant({ constraint_type: 'wildcard' }),
  fc.constant({ constraint_type: 'wildcard', optional: true }),
  fc.integer().map((max) => ({ constraint_type: 'range', max })),
  hostileText.map((text) => ({ constraint_type: 'exact', value: text })),
  fc
    .array(value, { minLength: 1, maxLength: 9 })
    .map((values) => ({ constraint_type: 'one_of', values })),
  fc.array(value, { maxLength: 3 }).map((excluded) => ({
    constraint_type: 'all',
    constraints: [{ constraint_type: 'not_one_of', excluded }],
  })),
);
const tools = fc.dictionary(
  member,
  fc.dictionary(member, constraint, { maxKeys: 3, noNullPrototype: true }),
  { maxKeys: 3, noNullPrototype: true },
);

/** How a child narrows: which tools go, and how the constraints of the others shrink. */
function narrow(parent: ToolMap, dice: number): ToolMap {
  const kept = Object.entries(parent).filter((_, index) => (dice >> index) % 4 !== 0);
  return Object.fromEntries(
    kept.map(([tool, map]) => [
      tool,
      Object.fromEntries(
        Object.entries(map).map(([argument, each], index) => [
          argument,
          (dice >> index) % 3 === 0 ? narrowConstraint(each) : each,
        ]),
      ),
    ]),
  );
}

function narrowConstraint(each: JsonObject): JsonObject {
  const { constraint_type: type, max, values } = each;
  if (type === 'wildcard') return { constraint_type: 'exact', value: 'narrow' };
  if (type === 'range') return { constraint_type: 'range', max: (max as number) - 1 };
  if (type === 'one_of')
    return { constraint_type: 'one_of', values: (values as readonly JsonValue[]).slice(0, 1) };
  return each;
}

/** Hostile text makes large tokens. */
const limits = { maxTokenSize: 4_000_000, maxChainSize: 16_000_000 };
const verifier = createVerifier({
  anchors: [{ issuer: ISSUER, key: authority.publicKey }],
  limits,
  cacheCharacters: 0,
});

const holders: readonly Signer[] = [planner, billing, worker, planner];

async function chainOf(
  granted: ToolMap,
  steps: readonly number[],
  id: string,
): Promise<VerifiedChain> {
  let chain = await issue({
    issuer: ISSUER,
    signer: authority,
    holder: planner.publicKey,
    now: NOW,
    id: `${id}0`,
    lifetime: 3600,
    maxDepth: 5,
    tools: granted,
    limits,
  });
  let left = granted;
  for (const [index, dice] of steps.entries()) {
    left = narrow(left, dice);
    chain = await derive(chain, {
      signer: holders[index] as Signer,
      holder: (holders[index + 1] as Signer).publicKey,
      now: NOW + index,
      id: `${id}${index + 1}`,
      lifetime: 1000 - index,
      maxDepth: 5 - (index > 1 ? 1 : 0),
      ...(dice % 2 === 0 ? {} : { audience: id === '' ? 'x' : id }),
      tools: left,
      limits,
    });
  }
  return chain;
}

function judge(receipt: Receipt, width: number): void {
  const text = renderReceiptText(receipt, { width });
  const [status, ...others] = text.trimEnd().split('\n');
  expect(status).toMatch(receipt.status === 'verified' ? /^VERIFIED$/ : /^DENIED [a-z_]+/);
  expect(others.filter((line) => /^(VERIFIED|DENIED)/.test(line))).toEqual([]);
  expect(Math.max(...text.split('\n').map(columnsOf))).toBeLessThanOrEqual(width);
  expect(text).not.toMatch(DANGEROUS);
  const html = renderReceiptHtml(receipt);
  expect(html).not.toMatch(DANGEROUS);
  tagsOf(html);
  expect(schemaProblem(JSON.parse(JSON.stringify(receipt)), schema, schema)).toBe(undefined);
}

test('any chain is drawn within its columns, with one status, in inert text, markup and JSON', async () => {
  await fc.assert(
    fc.asyncProperty(
      tools,
      fc.array(fc.nat({ max: 4095 }), { maxLength: 3 }),
      hostileText,
      fc.integer({ min: 40, max: 100 }),
      fc.boolean(),
      async (granted, steps, text, width, breaks) => {
        const chain = await chainOf(granted, steps, text);
        const names = new Map([[billing.publicKey.thumbprint, text]]);
        judge(createReceipt({ verdict: 'verified', chain }, { names, now: NOW }), width);
        if (!breaks) return;
        const compacts = chain.tokens.map(({ compact }) => compact);
        const signer = steps.length === 0 ? authority : (holders[steps.length - 1] as Signer);
        const leaf = await forge(compacts.at(-1) as string, signer, (claims) => {
          const [entry] = claims['authorization_details'] as unknown as [{ tools: object }];
          entry.tools = { [text === '__proto__' ? 'x' : text]: { a: { constraint_type: text } } };
        });
        const verdict = verifier.verifyChain([...compacts.slice(0, -1), leaf], NOW + 5);
        expect(verdict.verdict).toBe('deny');
        judge(createReceipt(verdict, { names }), width);
      },
    ),
    { numRuns: 150 },
  );
});
