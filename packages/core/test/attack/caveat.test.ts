import { expect, test } from 'vitest';
import {
  type CaveatsInit,
  createSigner,
  createVerifier,
  derive,
  generateKeyPair,
  issue,
  prove,
} from '../../src/index.ts';

const NOW = 1_800_000_000;
const AUDIENCE = 'https://tools.example.com';
const ISSUER = 'https://auth.example.com';
const newSigner = () => createSigner(generateKeyPair().privateJwk);
const authority = newSigner();
const holder = newSigner();
let serial = 0;

/** What the verifier says of a call under a root with some caveats and a token with others that its holder has made for itself. */
async function verdictFor(
  profile: { readonly tenant: string },
  root: CaveatsInit | undefined,
  child: CaveatsInit | undefined,
) {
  const verifier = createVerifier({
    audience: AUDIENCE,
    anchors: [{ issuer: ISSUER, key: authority.publicKey }],
    profile,
  });
  const common = { holder: holder.publicKey, tools: { pay: {} }, now: NOW };
  const issued = await issue({
    ...common,
    issuer: ISSUER,
    signer: authority,
    id: `id-${serial++}`,
    lifetime: 600,
    maxDepth: 2,
    ...(root && { caveats: root }),
  });
  const derived = await derive(issued, {
    ...common,
    signer: holder,
    id: `id-${serial++}`,
    ...(child && { caveats: child }),
  });
  const verdicts: unknown[] = [];
  for (const chain of [issued, derived]) {
    const presentation = await prove(chain, {
      signer: holder,
      tool: 'pay',
      args: {},
      now: NOW,
      id: `id-${serial++}`,
      audience: AUDIENCE,
    });
    const decision = verifier.authorize({ presentation, tool: 'pay', args: {}, now: NOW });
    verdicts.push(decision.verdict === 'permit' ? 'permit' : decision.denial.code);
  }
  return verdicts;
}

test('F03 F02 a holder cannot say for itself which tenant a chain without one belongs to: a hop more never admits more', async () => {
  expect(await verdictFor({ tenant: 'acme' }, undefined, { tenant: 'acme' })).toEqual([
    'tenant_mismatch',
    'tenant_mismatch',
  ]);
  expect(await verdictFor({ tenant: 'acme' }, { tenant: 'acme' }, undefined)).toEqual([
    'permit',
    'permit',
  ]);
  expect(await verdictFor({ tenant: 'acme' }, { tenant: 'acme' }, { tenant: 'acme' })).toEqual([
    'permit',
    'permit',
  ]);
});
