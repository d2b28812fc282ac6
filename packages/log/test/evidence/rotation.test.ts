import {
  consentToRotation,
  createVerifier,
  derive,
  type EvidenceVerdict,
  type JsonObject,
  placedKeys,
  prove,
  rotateKey,
  type VerifiedChain,
} from '@taper/core';
import { whyNoPython } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { compare } from './both-verifiers.ts';
import {
  AUDIENCE,
  answers,
  described,
  ISSUER,
  NOW,
  newChain,
  newParty,
  openStory,
  PARTIES,
  PAYMENT,
  type Party,
  type Story,
  toldPermit,
  verify,
} from './story.ts';

// Bundles in which rotated keys have acted; both verifiers are asked.

const nextAgent = newParty('agent, second key');
const nextPlanner = newParty('planner, second key');
const nextRoot = newParty('authority, second key');
const NO_PYTHON = whyNoPython();

async function statement(from: Party, to: Party, signer: Party = PARTIES.authority) {
  const common = {
    issuer: ISSUER,
    subject: 'spiffe://example.com/acme/agent/a',
    oldKey: from.key,
    newKey: to.key,
    now: NOW,
  };
  return rotateKey({
    ...common,
    signer: signer.signer,
    consent: await consentToRotation({ ...common, signer: from.signer }),
    acceptance: await consentToRotation({ ...common, signer: to.signer }),
    overlap: 0,
    id: 'rotation',
  });
}

const anchorOf = ({ jwk }: Party, more: JsonObject = {}): JsonObject => ({
  issuer: ISSUER,
  key: jwk as unknown as JsonObject,
  ...more,
});

/** As somebody knows it who trusts both root keys. */
function underBoth({ tokens }: VerifiedChain): VerifiedChain {
  const anchors = [PARTIES.authority, nextRoot].map(({ key }) => ({ issuer: ISSUER, key }));
  const verdict = createVerifier({ anchors, profile: {} }).verifyChain(
    tokens.map(({ compact }) => compact),
    NOW,
  );
  if (verdict.verdict !== 'verified') throw new Error(verdict.denial.code);
  return verdict.chain;
}

/** A chain whose last token the planner's new key has made. */
async function derived(signer?: Party): Promise<VerifiedChain> {
  const { tokens } = await newChain();
  const middle = underBoth(await shortened(tokens));
  return derive(middle, {
    signer: nextPlanner.signer,
    rotation: [await statement(PARTIES.planner, nextPlanner, signer)],
    holder: PARTIES.agent.key,
    tools: {
      pay: {
        amount: { constraint_type: 'decimal', min: '0', max: '200.00', scale: 2 },
        order: { constraint_type: 'wildcard' },
      },
    },
    now: NOW,
    id: `by the new key ${Math.random()}`,
  });
}

async function shortened(tokens: VerifiedChain['tokens']): Promise<VerifiedChain> {
  const verifier = createVerifier({ anchors: [{ issuer: ISSUER, key: PARTIES.authority.key }] });
  const verdict = verifier.verifyChain(
    tokens.slice(0, 2).map(({ compact }) => compact),
    NOW,
  );
  if (verdict.verdict !== 'verified') throw new Error(verdict.denial.code);
  return verdict.chain;
}

/** Tells of a payment that the agent's new key has proved. */
async function tell(story: Story, chain: VerifiedChain, signer?: Party, more = {}): Promise<void> {
  const presentation = await prove(underBoth(chain), {
    signer: nextAgent.signer,
    rotation: [await statement(PARTIES.agent, nextAgent, signer)],
    tool: 'pay',
    args: PAYMENT,
    now: NOW,
    id: `proof ${Math.random()}`,
    audience: AUDIENCE,
  });
  await story.recorder.record({
    type: 'decision',
    time: NOW,
    enforcementPoint: AUDIENCE,
    decision: 'permit',
    chains: [described(chain)],
    tool: 'pay',
    arguments: PAYMENT,
    evidence: { chains: [chain], proofs: [presentation.aat_pop] },
    ...more,
  });
}

async function asked(bundle: string, changes: JsonObject = {}): Promise<EvidenceVerdict> {
  if (NO_PYTHON !== undefined) return verify(bundle, changes);
  return (await compare([{ what: 'a rotated key', bundle, changes }]))[0] as EvidenceVerdict;
}

const codes = ({ problems }: EvidenceVerdict): string[] => problems.map(({ code }) => code);

describe('a call under a token that a rotated key has derived', () => {
  test('is authorized, with a staple of all keys of the chain', async () => {
    const story = await openStory();
    const chain = await derived();
    await story.recorder.record(await toldPermit(chain));
    const bundle = await story.bundle({ staples: [await story.staple(chain)] });
    expect(answers(await asked(bundle))).toEqual(['pass', 'pass', 'pass']);
  });

  test('is not, where the new key was revoked', async () => {
    const story = await openStory();
    const chain = await derived();
    expect(placedKeys(chain).map(({ thumbprint }) => thumbprint)).toContain(
      nextPlanner.key.thumbprint,
    );
    await story.revocation.revoke({ kind: 'key', key: nextPlanner.key.thumbprint });
    await story.recorder.record(await toldPermit(chain));
    const bundle = await story.bundle({ staples: [await story.staple(chain)] });
    expect(codes(await asked(bundle))).toEqual(['chain_revoked']);
  });

  test('J11 is not, where the root key that signed the statement was not valid then', async () => {
    const story = await openStory();
    const chain = await derived(nextRoot);
    await story.recorder.record(await toldPermit(chain));
    const bundle = await story.bundle({ staples: [await story.staple(chain)] });
    const both = (more: JsonObject) => ({
      anchors: [anchorOf(PARTIES.authority), anchorOf(nextRoot, more)],
    });
    expect(codes(await asked(bundle, both({})))).toEqual([]);
    expect(codes(await asked(bundle, both({ not_after: NOW - 1 })))).toContain('anchor_not_valid');
    expect(codes(await asked(bundle))).toContain('chain_denied');
  });

  test('Q13 is for good, where the root keys were retired since and are kept', async () => {
    const story = await openStory();
    const chain = await derived(nextRoot);
    await story.recorder.record(await toldPermit(chain));
    const bundle = await story.bundle({ staples: [await story.staple(chain)] });
    const not_after = NOW;
    const anchors = [PARTIES.authority, nextRoot].map((party) => anchorOf(party, { not_after }));
    expect(answers(await asked(bundle, { anchors }))).toEqual(['pass', 'pass', 'pass']);
    const { anchors: [only] = [] } = { anchors };
    expect(codes(await asked(bundle, { anchors: [only as JsonObject] }))).toContain('chain_denied');
  });
});

describe('a call that a rotated key has proved', () => {
  test('is authorized, but for what no staple of its chain shows', async () => {
    const story = await openStory();
    const chain = await newChain();
    await tell(story, chain);
    const bundle = await story.bundle({ staples: [await story.staple(chain)] });
    expect(codes(await asked(bundle))).toEqual(['revocation_not_shown']);
    const optional = { required: { revocation: 'optional' } };
    const found = await asked(bundle, optional);
    expect(answers(found)).toEqual(['pass', 'pass', 'pass']);
    expect(found.notRevokedAsOf).toBeUndefined();
  });

  test('J11 is not, where the root key that signed the statement was not valid then', async () => {
    const story = await openStory();
    const chain = await newChain();
    await tell(story, chain, nextRoot);
    const bundle = await story.bundle({ staples: [await story.staple(chain)] });
    const both = (more: JsonObject) => ({
      required: { revocation: 'optional' },
      anchors: [anchorOf(PARTIES.authority), anchorOf(nextRoot, more)],
    });
    expect(codes(await asked(bundle, both({})))).toEqual([]);
    expect(codes(await asked(bundle, both({ not_before: NOW + 1 })))).toEqual(['anchor_not_valid']);
  });

  test('was not approved by that key', async () => {
    const story = await openStory();
    const chain = await newChain({ caveats: { approvals: { pay: { finance: 1 } } } });
    const approvedBy = ({ key }: Party) => ({
      approvals: [{ id: 'a', group: 'finance', thumbprint: key.thumbprint, approver: 'x' }],
    });
    await tell(story, chain, undefined, approvedBy(nextAgent));
    const bundle = await story.bundle({ staples: [await story.staple(chain)] });
    const optional = { required: { revocation: 'optional' } };
    expect(codes(await asked(bundle, optional))).toEqual(['approvals_unmet']);
  });
});
