import { join } from 'node:path';
import { type JsonObject, readEvidenceTrust, requestRevocation, verifyEvidence } from '@taper/core';
import { exchangedFor } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { openScene, TRUST as REVOCATION } from '../revoked-set/scene.ts';
import {
  change,
  NOW,
  newChain,
  openStory,
  PARTIES,
  PAYMENT,
  policy,
  REVOCATION_ORIGIN,
  restart,
  toldDenial,
  toldPermit,
  verify,
} from './story.ts';

// vectors/evidence/bundles.json: what other verifiers of spec/evidence.md are compared with. Made anew the same every time.

interface Bundle {
  logs: {
    checkpoint: string;
    items: {
      line?: string;
      count?: number;
      hashes?: string[];
      opening?: { arguments: string; salt: string; proofs?: string[] };
    }[];
    earlier?: { checkpoint: string; proof: string[] }[];
  }[];
  staples: { leaf: string; staple: string }[];
  tokens: string[];
}

interface Case {
  readonly id: string;
  readonly title: string;
  readonly bundle: string;
  readonly trust: JsonObject;
  readonly as_of?: number;
  readonly expected: {
    readonly authentic: string;
    readonly authorized: string;
    readonly complete: string;
    readonly problems: readonly JsonObject[];
  };
}

async function makeCases(): Promise<readonly Case[]> {
  restart();
  const cases: Case[] = [];
  const add = async (
    id: string,
    title: string,
    bundle: string,
    changes: JsonObject = {},
    asOf?: number,
  ): Promise<void> => {
    const { authentic, authorized, complete, problems } = await verify(bundle, changes, asOf);
    cases.push({
      id,
      title,
      bundle,
      trust: policy(changes),
      ...(asOf === undefined ? {} : { as_of: asOf }),
      expected: {
        authentic,
        authorized,
        complete,
        problems: problems.map(({ verdict, outcome, code, path, denial }) => ({
          verdict,
          outcome,
          code,
          path,
          ...(denial === undefined ? {} : { denial }),
        })),
      },
    });
  };

  const story = await openStory({ seed: 'whole' });
  await story.recorder.record(toldDenial());
  const early = await story.publish();
  await story.pay();
  const staple = await story.staple();
  const whole = await story.bundle({ staples: [staple] });
  const edited = (edit: (bundle: Bundle) => void): string =>
    change(whole, edit as (value: never) => void);
  const [emitter] = policy()['emitters'] as readonly [JsonObject];
  const [anchor] = policy()['anchors'] as readonly [JsonObject];

  await add('whole', 'all that was written, and all that is needed', whole);
  await add('line-feed', 'ends with a line feed', `${whole}\n`);
  await add('as-of', 'under a time before the cosignatures', whole, {}, NOW - 61);
  await add('held', 'an older checkpoint is held', whole, { held: { checkpoints: [early] } });
  await add('no-anchor', 'the policy has no anchor', whole, { anchors: [] });
  await add('other-anchor', 'the anchor has another key', whole, {
    anchors: [{ ...anchor, key: PARTIES.planner.jwk as unknown as JsonObject }],
  });
  await add('anchor-ended', 'the anchor was given up before', whole, {
    anchors: [{ ...anchor, not_after: NOW - 1 }],
  });
  await add('emitter-ended', 'the emitter was given up before its last event', whole, {
    emitters: [{ ...emitter, last_sequence: 2 }],
  });
  await add('other-point', 'the emitter speaks for another enforcement point', whole, {
    emitters: [{ ...emitter, enforcement_points: ['https://other.example'] }],
  });
  await add('no-log', 'the policy has no log', whole, {
    logs: [],
    emitters: [],
    revocation_logs: [],
  });
  await add('no-revocation-log', 'the policy believes no revocation log', whole, {
    revocation_logs: [],
  });
  await add('log-required', 'the policy asks for another log', whole, {
    required: { logs: ['audit.example.com/other'] },
  });
  await add('cut-off', 'the auditor has seen more', await story.bundle({ checkpoint: early }), {
    held: { checkpoints: [await story.publish()] },
  });
  const shows = ({ sequence }: { readonly sequence: number }): boolean => sequence === 3;
  await add('withheld', 'the first events are withheld', await story.bundle({ shows }));
  await add(
    'held-unproved',
    'a held checkpoint inside of what is withheld',
    await story.bundle({ shows }),
    { held: { checkpoints: [early] } },
  );
  await add('held-forked', 'a held checkpoint of another history', whole, {
    held: { checkpoints: [await otherHistory()] },
  });
  await add(
    'held-proved',
    'and with the proof',
    await story.bundle({ shows: () => false, earlier: [early] }),
    { held: { checkpoints: [early] } },
  );
  await add('range', 'only what is asked for is shown', await story.bundle({ shows }), {
    required: { sequences: { first: 3, last: 3 } },
  });
  await add('unopened', 'arguments are not shown', await story.bundle({ opens: () => false }));
  await add('unopened-optional', 'and need not be', await story.bundle({ opens: () => false }), {
    required: { arguments: 'optional', proofs: 'optional', revocation: 'optional' },
  });

  await add(
    'newest-gone',
    'the newest event is gone',
    edited((b) => b.logs[0]?.items.pop()),
  );
  await add(
    'swapped',
    'two events change places',
    edited((b) => b.logs[0]?.items.reverse()),
  );
  await add(
    'line-changed',
    'a line was changed',
    edited((b) => {
      const item = b.logs[0]?.items[1];
      if (item?.line !== undefined) item.line = item.line.replace('"tool":"pay"', '"tool":"buy"');
    }),
  );
  await add(
    'hash-changed',
    'the hash of a run that is withheld was changed',
    change(await story.bundle({ shows }), ((b: Bundle) => {
      const item = b.logs[0]?.items[0];
      if (item?.hashes !== undefined) item.hashes[0] = 'A'.repeat(43);
    }) as (value: never) => void),
  );
  await add(
    'cosignature-gone',
    'a cosignature is gone',
    edited((b) => {
      for (const log of b.logs)
        log.checkpoint = `${log.checkpoint.trimEnd().split('\n').slice(0, -1).join('\n')}\n`;
    }),
  );
  await add(
    'other-arguments',
    'other arguments are shown',
    edited((b) => {
      const opening = b.logs[0]?.items[1]?.opening;
      if (opening !== undefined) opening.arguments = '{"amount":"1.00","order":"o-1"}';
    }),
  );
  await add(
    'token-gone',
    'a token is gone',
    edited((b) => b.tokens.shift()),
  );
  await add(
    'token-more',
    'a token is on no chain',
    edited((b) => b.tokens.push('e30.e30.AA')),
  );
  await add(
    'staple-gone',
    'the staple is gone',
    change(whole, ((b: object) => {
      Reflect.deleteProperty(b, 'staples');
    }) as (value: never) => void),
  );
  await add(
    'member-more',
    'a member that is not known',
    edited((b) => Object.assign(b, { key: 1 })),
  );
  await add(
    'version',
    'another version',
    edited((b) => Object.assign(b, { taper_evidence: 2 })),
  );
  await add('not-canonical', 'a space that does not belong there', whole.replace('":', '": '));
  await add('cut', 'the end is gone', whole.slice(0, -10));

  const chain = await newChain({ caveats: { approvals: { pay: { finance: 1 } } } });
  const lies: readonly (readonly [string, string, Awaited<ReturnType<typeof toldPermit>>[]])[] = [
    [
      'told-amount',
      'a permit for arguments that the chain does not grant',
      [await toldPermit(story.chain, { args: { ...PAYMENT, amount: '201.00' } })],
    ],
    [
      'told-audience',
      'a permit with a proof for another enforcement point',
      [await toldPermit(story.chain, { audience: 'https://other.example' })],
    ],
    [
      'told-unapproved',
      'a permit without the approval that the chain asks for',
      [await toldPermit(chain)],
    ],
    [
      'told-own-approval',
      'a permit that only a holder of the chain approved',
      [
        await toldPermit(chain, {
          approvals: [
            {
              group: 'finance',
              approver: 'planner',
              thumbprint: PARTIES.planner.key.thumbprint,
              id: 'a-1',
            },
          ],
        }),
      ],
    ],
    [
      'told-outcome',
      'an outcome without a permit',
      [
        {
          ...toldDenial(),
          ...(await toldPermit(story.chain)),
          type: 'outcome',
          decision: 'executed',
          evidence: undefined,
        },
      ],
    ],
    [
      'told-epoch',
      'a chain that names a later epoch than the staple has',
      [
        await toldPermit(
          await newChain({
            caveats: {
              revocation: { log: 'revocation.example.com/2026', epoch: 9, max_staleness: 60 },
            },
          }),
        ),
      ],
    ],
  ];
  for (const [id, title, events] of lies) {
    const lying = await openStory({ seed: id });
    for (const event of events) await lying.recorder.record(event);
    await add(
      id,
      title,
      await lying.bundle({ staples: [await lying.staple(chain), await lying.staple(story.chain)] }),
    );
  }
  await add('revoked', 'the root had been revoked', ...(await revokedBefore()));
  for (const [what, title] of EXCHANGED)
    await add(`exchanged-${what}`, title, await exchangedAfter(what));
  return cases;
}

const EXCHANGED = [
  ['nothing', 'the root was exchanged for a chain, of which nothing had been revoked'],
  ['root', 'the root was exchanged for a chain whose root had been revoked'],
  ['key', 'the root was exchanged for a chain on which a key had been revoked'],
  [
    'tenant',
    'the root was exchanged for a chain whose tenant had been revoked before the exchange',
  ],
] as const;

/** A call under a root for which a chain had been exchanged, when something of that chain had been revoked. */
async function exchangedAfter(what: (typeof EXCHANGED)[number][0]): Promise<string> {
  const story = await openStory({ seed: `exchanged ${what}` });
  const caveats = { tenant: 'acme' };
  const subject = await newChain({ caveats, now: NOW - 60 });
  const chain = await newChain({ caveats, hops: 1, information: exchangedFor(subject) });
  const token = subject.tokens[0]?.hash ?? '';
  const target = {
    nothing: undefined,
    root: { kind: 'token', token, root: token },
    key: { kind: 'key', key: PARTIES.planner.key.thumbprint },
    tenant: { kind: 'tenant', tenant: 'acme', issued_before: NOW - 30 },
  } as const;
  const revoked = target[what];
  if (revoked !== undefined) {
    const request = await requestRevocation({
      log: REVOCATION_ORIGIN,
      target: revoked,
      signer: PARTIES.revoker.signer,
      now: NOW,
      id: `exchanged ${what}`,
      ...(what === 'root' ? { expiresAt: NOW + 3600 } : {}),
    });
    expect(await story.revocation.request(request)).toMatchObject({ ok: true });
  }
  await story.recorder.record(await toldPermit(chain, caveats));
  return story.bundle({ staples: [await story.staple(chain)] });
}

/** A call whose root another log had revoked, and a policy that believes that log. */
async function revokedBefore(): Promise<readonly [string, JsonObject]> {
  const story = await openStory({ seed: 'revoked' });
  await story.pay();
  const { tokens, anchor, leaf } = story.chain;
  const [root] = tokens;
  const holders = tokens.map(({ claims }) => claims.holder.thumbprint);
  const hash = root?.hash ?? '';
  const staple = await (await openScene()).staple(
    [{ kind: 'token', token: hash, root: hash, expiresAt: NOW + 3600 }],
    {
      chains: [
        { tokens: tokens.map((token) => token.hash), keys: [anchor.key.thumbprint, ...holders] },
      ],
      oldestIssuedAt: NOW,
    },
  );
  const bundle = await story.bundle({
    staples: [{ leaf: leaf.hash, staple: Buffer.from(staple).toString('base64url') }],
  });
  const [audit] = policy()['logs'] as readonly [JsonObject];
  const keys = REVOCATION.keys.map(({ text }) => text);
  return [bundle, { logs: [audit, { origin: REVOCATION.origin, keys }] }];
}

/** A checkpoint of a log that went on otherwise. */
async function otherHistory(): Promise<string> {
  const other = await openStory({ seed: 'whole' });
  await other.recorder.record(toldDenial());
  await other.recorder.record(toldDenial());
  return other.publish();
}

const FILE = join(import.meta.dirname, '../../../../vectors/evidence/bundles.json');

describe('vectors/evidence', () => {
  test('are what this library says of them, and the same every time', async () => {
    const cases = await makeCases();
    expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
    const text = `${JSON.stringify({ cases }, null, 1)}\n`;
    await expect(text).toMatchFileSnapshot(FILE);
  });

  test('a verdict does not depend on what was verified before', async () => {
    for (const { bundle, trust, as_of: asOf, expected } of (await makeCases()).toReversed()) {
      const options = asOf === undefined ? {} : { asOf };
      const verdict = await verifyEvidence(bundle, readEvidenceTrust(trust), options);
      expect(verdict).toMatchObject({ ...expected, problems: expected.problems });
    }
  });
});
