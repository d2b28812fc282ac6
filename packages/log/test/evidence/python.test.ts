import type { JsonObject } from '@taper/core';
import { createRandom, type Random, whyNoPython } from '@taper/testkit';
import { beforeAll, describe, expect, test } from 'vitest';
import { compare } from './both-verifiers.ts';
import { answers, change, NOW, openStory, policy, toldDenial } from './story.ts';

const missing = whyNoPython();
if (missing !== undefined) console.warn(`skipped: the verifier in Python, as ${missing}`);

let whole: string;
let held: string;

beforeAll(async () => {
  const story = await openStory();
  await story.pay();
  held = await story.publish();
  story.now += 5;
  await story.payInSession();
  await story.recorder.record(toldDenial());
  await story.pay();
  whole = await story.bundle({ staples: [await story.staple()], earlier: [held] });
});

describe.skipIf(missing !== undefined)('the verifier in Python, about bundles', () => {
  test('says the same under policies that trust more or less', async () => {
    const [emitter] = policy()['emitters'] as readonly JsonObject[];
    const [anchor] = policy()['anchors'] as readonly JsonObject[];
    const [log, revocations] = policy()['logs'] as readonly JsonObject[];
    const policies: readonly JsonObject[] = [
      {},
      { anchors: [] },
      { revocation_logs: [] },
      { emitters: [{ ...emitter, tenant: 'acme' }] },
      { held: { checkpoints: [held] } },
      { emitters: [{ ...emitter, last_sequence: 3 }] },
      { emitters: [{ ...emitter, not_after: NOW + 1 }] },
      { emitters: [{ ...emitter, enforcement_points: ['https://other.example'] }] },
      { emitters: [{ ...emitter, proof_audience: 'optional' }] },
      { anchors: [{ ...anchor, not_before: NOW + 1 }] },
      { anchors: [{ ...anchor, issuer: 'https://other.example' }] },
      { required: { sequences: { first: 2, last: 4 } } },
      { required: { sequences: { first: 2, last: 400 } } },
      { required: { time: { from: NOW, until: NOW + 1 } } },
      { required: { logs: ['elsewhere.example'] } },
      { required: { revocation: 'optional', proofs: 'optional', arguments: 'optional' } },
      { logs: [{ ...log, quorum: 1 }, revocations as JsonObject] },
    ];
    const questions = policies.map((changes) => ({
      what: JSON.stringify(changes),
      bundle: whole,
      changes,
    }));
    const times = [NOW - 61, NOW - 60, NOW, NOW + 5].map((asOf) => ({
      what: `as of ${asOf - NOW}`,
      bundle: whole,
      asOf,
    }));
    const [first] = await compare([...questions, ...times]);
    expect(first && answers(first)).toEqual(['pass', 'pass', 'pass']);
  });

  test('says the same of chains that were revoked, before and after', async () => {
    const story = await openStory();
    const before = await story.staple();
    await story.pay();
    const [, holder] = story.chain.tokens.map(({ claims }) => claims.holder);
    const target = { kind: 'key', key: holder?.thumbprint ?? '' } as const;
    story.now += 5;
    await story.revocation.revoke(target);
    const after = await story.staple();
    await story.pay();
    const questions = [[], [before], [after], [before, after]].map((staples) =>
      story.bundle({ staples }),
    );
    const verdicts = await compare(
      (await Promise.all(questions)).map((bundle, index) => ({ what: `staples ${index}`, bundle })),
    );
    expect(new Set(verdicts.map(({ authorized }) => authorized)).size).toBeGreaterThan(1);
  });

  test('says the same of bundles that anybody has changed', { timeout: 120_000 }, async () => {
    const seed = `${process.pid} ${performance.timeOrigin}`;
    const random = createRandom(seed);
    const questions = Array.from({ length: 150 }, (_, index) => ({
      what: `seed ${seed}, change ${index}`,
      bundle: random.chance(0.4)
        ? withOtherCharacter(whole, random)
        : withOtherMember(whole, random),
    }));
    const verdicts = await compare(questions);
    const shades = new Set(verdicts.map((verdict) => answers(verdict).join()));
    expect(shades.size).toBeGreaterThan(3);
  });
});

/** One character of a line, a token, a proof, a note, a hash, or of what is around them. */
function withOtherCharacter(bundle: string, random: Random): string {
  const at = random.between(1, bundle.length - 2);
  const other = random.pick([...'AQgw09az-_']);
  return bundle.slice(0, at) + other + bundle.slice(at + 1);
}

/** A member or element that is gone, stands twice, or has the value of another. */
function withOtherMember(bundle: string, random: Random): string {
  return change(bundle, ((value: unknown) => {
    const nodes: (unknown[] | Record<string, unknown>)[] = [];
    const visit = (node: unknown): void => {
      if (typeof node !== 'object' || node === null) return;
      nodes.push(node as Record<string, unknown>);
      for (const child of Object.values(node)) visit(child);
    };
    visit(value);
    const node = random.pick(nodes);
    const names = Object.keys(node).filter((name) => name !== 'salt' && name !== 'staple');
    if (names.length === 0) return;
    const name = random.pick(names);
    const record = node as Record<string, unknown>;
    const way = random.between(0, 3);
    if (way === 0 && Array.isArray(node)) node.splice(Number(name), 1);
    else if (way === 0) delete record[name];
    else if (way === 1 && Array.isArray(node))
      node.splice(Number(name), 0, structuredClone(node[Number(name)]));
    else if (way === 1)
      record[random.pick(['extra', 'opening', 'proofs', 'earlier'])] = record[name];
    else if (way === 2) record[name] = structuredClone(record[random.pick(names)]);
    else record[name] = random.pick<unknown>([null, 0, 1, 2, '', 'x', [], {}, 'A'.repeat(43), -1]);
  }) as (value: never) => void);
}
