import { expect, test } from 'vitest';
import type { RevocationQuery, RevocationVerdict, RevocationView } from '../../src/index.ts';
import { chainOf, codeOf, NOW, PAYMENT, pay, pointWith, present } from './scene.ts';

/** A view that believes one text, and remembers what it was asked. */
function evidenceView(): RevocationView & { readonly asked: RevocationQuery[] } {
  const asked: RevocationQuery[] = [];
  return {
    asked,
    check(query): RevocationVerdict {
      asked.push(query);
      if (query.evidence !== 'a good staple') return { verdict: 'unproved' };
      return { verdict: 'good', asOf: NOW };
    },
  };
}

test('passes the evidence of a call to the view, with the chain that it is for, and each time the same question', async () => {
  const revocation = evidenceView();
  const point = pointWith({ revocation });
  const chain = await chainOf();
  const decision = await point.authorize(await present(chain), 'pay', PAYMENT, {
    evidence: 'a good staple',
  });
  expect(decision.verdict).toBe('permit');
  expect(revocation.asked).toHaveLength(2); // when it is heard, and when it is let run
  expect(revocation.asked[0]).toBe(revocation.asked[1]);
  const tokens = chain.tokens.map(({ hash }) => hash);
  const keys = [
    chain.anchor.key.thumbprint,
    ...chain.tokens.map(({ claims }) => claims.holder.thumbprint),
  ];
  expect(revocation.asked[0]).toMatchObject({ tokens, keys, chains: [{ tokens, keys }] });
});

test.each([
  ['without evidence', {}],
  ['with evidence that proves nothing', { evidence: 'a bad staple' }],
  ['with empty evidence', { evidence: '' }],
])('M04 refuses a call %s where the view can only answer from it', async (_, context) => {
  const point = pointWith({ revocation: evidenceView() });
  const wire = await present(await chainOf());
  expect(codeOf(await point.authorize(wire, 'pay', PAYMENT, context))).toBe(
    'revocation_staple_invalid',
  );
});

test('M03 the evidence of one call is not that of the next, though the chain is the same', async () => {
  const point = pointWith({ revocation: evidenceView() });
  const chain = await chainOf();
  const context = { evidence: 'a good staple' };
  expect((await point.authorize(await present(chain), 'pay', PAYMENT, context)).verdict).toBe(
    'permit',
  );
  expect(codeOf(await pay(point, chain))).toBe('revocation_staple_invalid');
});

test('refuses a call whose context holds evidence that is no text', async () => {
  const point = pointWith({ revocation: evidenceView() });
  const wire = await present(await chainOf());
  const context = { evidence: new Uint8Array(3) as unknown as string };
  expect(codeOf(await point.authorize(wire, 'pay', PAYMENT, context))).toBe('internal_error');
});

test('shows chains with evidence, and not without', async () => {
  const point = pointWith({ revocation: evidenceView() });
  const chain = await chainOf();
  const bare = { aat_chain: chain.tokens.map(({ compact }) => compact) };
  expect(await point.inspect(bare, { evidence: 'a good staple' })).toEqual([chain]);
  expect(await point.inspect(bare)).toMatchObject({ code: 'revocation_staple_invalid' });
});
