import type { JsonObject } from '@taper/core';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  AUDIT_ORIGIN,
  answers,
  change,
  found,
  NOW,
  newChain,
  newParty,
  openStory,
  PARTIES,
  PAYMENT,
  policy,
  REVOCATION_ORIGIN,
  type Story,
  toldDenial,
  toldPermit,
  verify,
} from './story.ts';

interface Item {
  line?: string;
  count?: number;
  hashes?: string[];
  opening?: { arguments: string; salt: string; proofs?: string[] };
}

interface Bundle {
  taper_evidence: number;
  logs: {
    checkpoint: string;
    items: Item[];
    earlier?: { checkpoint: string; proof: string[] }[];
  }[];
  staples: { leaf: string; staple: string }[];
  tokens: string[];
}

let story: Story;
let whole: string;

beforeAll(async () => {
  story = await openStory();
  for (let call = 0; call < 4; call++) {
    expect(await story.pay()).toBe('permit');
    story.now += 1;
  }
  whole = await story.bundle({ staples: [await story.staple()] });
  expect(answers(await verify(whole))).toEqual(['pass', 'pass', 'pass']);
});

/** The bundle as an attacker who has no key rewrites it. */
function tampered(edit: (bundle: Bundle) => void): string {
  return change(whole, edit as (value: never) => void);
}

function itemsOf(bundle: Bundle): Item[] {
  return bundle.logs[0]?.items ?? [];
}

const SOUND = ['pass', 'pass', 'pass'];

describe('a bundle that was tampered with', () => {
  test.each<[string, (bundle: Bundle) => void, string]>([
    ['S01: without its newest event', (b) => itemsOf(b).pop(), 'size_mismatch logs[0].items'],
    ['S02: without its oldest event', (b) => itemsOf(b).shift(), 'size_mismatch logs[0].items'],
    [
      'S03: without events in the middle',
      (b) => itemsOf(b).splice(2, 2),
      'size_mismatch logs[0].items',
    ],
    ['S04: without any event', (b) => itemsOf(b).splice(0), 'size_mismatch logs[0].items'],
    [
      'O06: with an event that another one took the place of',
      (b) => itemsOf(b).splice(2, 1, itemsOf(b)[0] as Item),
      'root_mismatch logs[0].items',
    ],
    [
      'N16: with a run withheld and no proof of it',
      (b) => itemsOf(b).splice(0, 2, { count: 2, hashes: [] }),
      'bundle_malformed logs[0].items[0].hashes',
    ],
    [
      'N04: with a run withheld under another hash',
      (b) => itemsOf(b).splice(0, 2, { count: 2, hashes: ['A'.repeat(43)] }),
      'root_mismatch logs[0].items',
    ],
    [
      'with more hashes than the run has subtrees',
      (b) => itemsOf(b).splice(0, 2, { count: 2, hashes: ['A'.repeat(43), 'A'.repeat(43)] }),
      'bundle_malformed logs[0].items[0].hashes',
    ],
    [
      'N14: with a run of 2^53 entries',
      (b) => itemsOf(b).splice(0, 2, { count: 2 ** 53, hashes: ['A'.repeat(43)] }),
      'bundle_malformed logs[0].items[0].count',
    ],
    [
      'N14: with a run of -1 entries',
      (b) => itemsOf(b).splice(0, 2, { count: -1, hashes: ['A'.repeat(43)] }),
      'bundle_malformed logs[0].items[0].count',
    ],
    [
      'O03: without a cosignature that the quorum needs',
      (b) => {
        const [log] = b.logs as [Bundle['logs'][0]];
        log.checkpoint = `${log.checkpoint.trimEnd().split('\n').slice(0, -1).join('\n')}\n`;
      },
      'checkpoint_invalid logs[0].checkpoint',
    ],
    [
      'N16: without a signature of the log',
      (b) => {
        const [log] = b.logs as [Bundle['logs'][0]];
        const lines = log.checkpoint.split('\n');
        log.checkpoint = lines.filter((line) => !line.startsWith(`— ${AUDIT_ORIGIN} `)).join('\n');
      },
      'checkpoint_invalid logs[0].checkpoint',
    ],
    [
      'N05: with the opening of another event',
      (b) => {
        const [first, , third] = itemsOf(b) as [Item, Item, Item];
        first.opening = third.opening as NonNullable<Item['opening']>;
      },
      'opening_mismatch logs[0].items[0].opening',
    ],
    [
      'with other arguments',
      (b) => {
        const [first] = itemsOf(b) as [Item];
        (first.opening as NonNullable<Item['opening']>).arguments =
          '{"amount":"1.00","order":"o-1"}';
      },
      'opening_mismatch logs[0].items[0].opening',
    ],
    [
      'O05: with the proof of another call',
      (b) => {
        const [first, , third] = itemsOf(b) as [Item, Item, Item];
        const proofs = third.opening?.proofs as string[];
        (first.opening as NonNullable<Item['opening']>).proofs = proofs;
      },
      'proof_repeated logs[0].items[2]',
    ],
    [
      'with an opening where nothing is committed to',
      (b) => {
        const [first, second] = itemsOf(b) as [Item, Item];
        second.opening = first.opening as NonNullable<Item['opening']>;
      },
      'opening_unexpected logs[0].items[1].opening',
    ],
    [
      'with a token that is on no chain',
      (b) => b.tokens.push('e30.e30.AA'),
      'token_unused tokens[3]',
    ],
    ['with a token twice', (b) => b.tokens.push(b.tokens[0] as string), 'token_repeated tokens[3]'],
    ['with a token that is none', (b) => b.tokens.push('token'), 'token_malformed tokens[3]'],
    ['without a token', (b) => b.tokens.shift(), 'tokens_not_shown logs[0].items[0]'],
    [
      'D03: with tokens whose signatures are those of others',
      (b) => {
        const signature = b.tokens[0]?.split('.')[2];
        b.tokens[1] = `${b.tokens[1]?.split('.').slice(0, 2).join('.')}.${signature}`;
      },
      'chain_denied logs[0].items[0]',
    ],
    [
      'O05: with a staple for another chain',
      (b) => {
        (b.staples[0] as Bundle['staples'][0]).leaf = 'A'.repeat(43);
      },
      'staple_unused staples[0]',
    ],
    [
      'with a staple that is cut',
      (b) => {
        const [staple] = b.staples as [Bundle['staples'][0]];
        staple.staple = staple.staple.slice(0, -4);
      },
      'staple_invalid staples[0]',
    ],
    [
      'O09: of another version',
      (b) => Object.assign(b, { taper_evidence: 2 }),
      'version_unsupported taper_evidence',
    ],
    [
      'O09: of a version that is text',
      (b) => Object.assign(b, { taper_evidence: '1' }),
      'bundle_malformed taper_evidence',
    ],
    [
      'O11: with a verifier of its own',
      (b) => Object.assign(b, { verifier: 'data:text/javascript,0' }),
      'bundle_malformed verifier',
    ],
    [
      'O01: with anchors of its own',
      (b) => Object.assign(b, { anchors: policy()['anchors'] }),
      'bundle_malformed anchors',
    ],
    [
      'S11: with a member that no hash covers',
      (b) => Object.assign(itemsOf(b)[0] as Item, { note: 'approved' }),
      'bundle_malformed logs[0].items[0].note',
    ],
    [
      'O09: with a salt that is no base64url',
      (b) => {
        const item = itemsOf(b).find(({ opening }) => opening !== undefined) as Item;
        (item.opening as { salt: string }).salt = `${'*'.repeat(22)}`;
      },
      'bundle_malformed logs[0].items[0].opening.salt',
    ],
    [
      'S11: with a line in which a member was added',
      (b) => {
        const [first] = itemsOf(b) as [Item];
        first.line = first.line?.replace('{"action"', '{"aaa":1,"action"') ?? '';
        if (!first.line.includes('aaa')) first.line = first.line.replace('{', '{"aaa":1,');
      },
      'line_malformed logs[0].items[0]',
    ],
    [
      'with a line in which the decision was changed',
      (b) => {
        const [first] = itemsOf(b) as [Item];
        first.line = first.line?.replace('"tool":"pay"', '"tool":"buy"') ?? '';
      },
      'signature_invalid logs[0].items[0]',
    ],
    [
      'with a log that stands there twice',
      (b) => b.logs.push(b.logs[0] as Bundle['logs'][0]),
      'bundle_malformed logs[1].checkpoint',
    ],
    [
      'with two runs that are one',
      (b) =>
        itemsOf(b).splice(
          0,
          2,
          { count: 1, hashes: ['A'.repeat(43)] },
          { count: 1, hashes: ['A'.repeat(43)] },
        ),
      'bundle_malformed logs[0].items[1]',
    ],
  ])('%s is found, and the item named', async (_, edit, expected) => {
    const verdict = await verify(tampered(edit));
    expect(found(verdict)).toContain(expected);
    expect(answers(verdict)).not.toEqual(SOUND);
  });

  test.each<[string, (text: string) => string]>([
    ['is cut', (text) => text.slice(0, -100)],
    ['is nothing', () => ''],
    ['is cut in the middle of a string', (text) => text.slice(0, text.indexOf('eyJ') + 50)],
    ['has white space', (text) => text.replace('":', '": ')],
    ['has an escape where none belongs', (text) => text.replace('"logs"', '"\\u006cogs"')],
    ['has a member twice', (text) => `${text.slice(0, -1)},"taper_evidence":1}`],
    [
      'has members in another order',
      (text) => `{"taper_evidence":1,${text.slice(1).replace(',"taper_evidence":1', '')}`,
    ],
    ['has a byte order mark', (text) => `\ufeff${text}`],
    ['has something behind it', (text) => `${text}{}`],
    ['has two line feeds', (text) => `${text}\n\n`],
    [
      'has a number that is spelled otherwise',
      (text) => text.replace('"taper_evidence":1', '"taper_evidence":1.0'),
    ],
    ['is a list', (text) => `[${text}]`],
    ['is null', () => 'null'],
    ['is deep', () => `${'['.repeat(100_000)}`],
  ])('O09: %s: there is a verdict, and it is no pass', async (_, edit) => {
    const verdict = await verify(edit(whole));
    expect(answers(verdict)).toEqual(['fail', 'not_shown', 'not_shown']);
    expect(verdict.problems[0]?.code).toBe('bundle_malformed');
  });

  test('C08: bytes that are no UTF-8 are no bundle', async () => {
    const bytes = Buffer.from(whole);
    bytes[bytes.indexOf('pay')] = 0xff;
    expect(found(await verify(bytes))[0]).toBe('bundle_malformed ');
  });

  test('one that is too large is refused before it is read', async () => {
    const verdict = await verify(new Uint8Array(300_000_000));
    expect(found(verdict)[0]).toBe('bundle_too_large ');
    const commas = await verify(`[${','.repeat(5_000_000)}]`);
    expect(found(commas)[0]).toBe('bundle_too_large ');
  });

  test('S10: one line that was changed is named, and the others are judged as before', async () => {
    const verdict = await verify(
      tampered((b) => {
        const item = itemsOf(b)[2] as Item;
        item.line = item.line?.replace('"tool":"pay"', '"tool":"bay"') ?? '';
      }),
    );
    expect(found(verdict)).toEqual([
      'root_mismatch logs[0].items',
      'signature_invalid logs[0].items[2]',
      'authorized: not_authentic logs[0]',
      'authorized: not_authentic logs[0].items[2]',
      'decision_not_shown logs[0].items[3]',
      'complete: not_authentic logs[0]',
    ]);
    expect(verdict.events).toHaveLength(7);
    expect(verdict.events.filter(({ authorized }) => authorized === 'pass')).toHaveLength(6);
  });
});

describe('another history', () => {
  test('O04: events of another run of the same enforcement point do not fit', async () => {
    const other = await openStory();
    await other.pay();
    await other.pay();
    const foreign = JSON.parse(await other.bundle()) as Bundle;
    const verdict = await verify(
      tampered((b) => {
        itemsOf(b)[2] = itemsOf(foreign)[2] as Item;
      }),
    );
    expect(found(verdict)).toContain('root_mismatch logs[0].items');
    expect(found(verdict)).toContain('chain_broken logs[0].items[2]');
    expect(answers(verdict)[0]).toBe('fail');
  });

  test('S05: one that was signed anew by whoever has all keys is found by what the auditor has kept', async () => {
    const kept = await openStory();
    await kept.pay();
    const held = await kept.publish();
    await kept.pay();
    const forged = await openStory();
    await forged.pay();
    await forged.pay();
    const honest = await verify(await kept.bundle(), { held: { checkpoints: [held] } });
    expect(answers(honest)[0]).toBe('pass');
    const verdict = await verify(await forged.bundle(), { held: { checkpoints: [held] } });
    expect(answers(verdict)[0]).toBe('fail');
    expect(found(verdict)).toContain('held_forked logs[0]');
  });

  test('S05: and by the head of the emitter alone', async () => {
    const kept = await openStory();
    const { id: _, ...head } = await kept.recorder.record(toldDenial());
    await kept.pay();
    const honest = await verify(await kept.bundle(), { held: { heads: [head as never] } });
    expect(answers(honest)[0]).toBe('pass');
    const forged = await openStory();
    await forged.pay();
    const verdict = await verify(await forged.bundle(), { held: { heads: [head as never] } });
    expect(found(verdict)).toContain('held_forked logs[0]');
    const hidden = await verify(await kept.bundle({ shows: ({ sequence }) => sequence > 1 }), {
      held: { heads: [head as never] },
    });
    expect(found(hidden)).toContain('held_unproved logs[0]');
    expect(answers(hidden)[0]).toBe('not_shown');
  });

  test('S01, N02: one that ends before what the auditor has seen is cut off', async () => {
    const cut = await openStory();
    await cut.pay();
    const early = await cut.publish();
    const receipt = await cut.recorder.record(toldDenial());
    const late = await cut.publish();
    const { id: _, ...head } = receipt;
    for (const held of [{ checkpoints: [late] }, { heads: [head as never] }]) {
      const verdict = await verify(await cut.bundle({ checkpoint: early }), { held });
      expect(answers(verdict)[2]).toBe('fail');
      expect(found(verdict)).toContain('log_cut_off logs[0]');
    }
  });

  test('a held checkpoint that lies inside of what is withheld needs a proof, and takes one', async () => {
    const long = await openStory();
    for (let event = 0; event < 5; event++) await long.recorder.record(toldDenial());
    const held = await long.publish();
    for (let event = 0; event < 6; event++) await long.recorder.record(toldDenial());
    const shows = ({ sequence }: { readonly sequence: number }): boolean => sequence === 11;
    const bare = await verify(await long.bundle({ shows }), { held: { checkpoints: [held] } });
    expect(found(bare)).toContain('held_unproved logs[0]');
    expect(answers(bare)[0]).toBe('not_shown');
    const proved = await long.bundle({ shows, earlier: [held] });
    expect(answers(await verify(proved, { held: { checkpoints: [held] } }))[0]).toBe('pass');
    const broken = change(proved, ((b: Bundle) => {
      b.logs[0]?.earlier?.[0]?.proof.pop();
    }) as (value: never) => void);
    expect(found(await verify(broken))).toContain('earlier_inconsistent logs[0].earlier[0]');
    const unsigned = change(proved, ((b: Bundle) => {
      for (const earlier of b.logs[0]?.earlier ?? [])
        earlier.checkpoint = earlier.checkpoint.replace('\n5\n', '\n4\n');
    }) as (value: never) => void);
    expect(found(await verify(unsigned))).toContain(
      'earlier_invalid logs[0].earlier[0].checkpoint',
    );
  });

  test('what the policy holds must verify itself', async () => {
    const held = await story.publish();
    const broken = held.replace('\n8\n', '\n9\n');
    await expect(verify(whole, { held: { checkpoints: [broken] } })).rejects.toMatchObject({
      code: 'option_invalid',
    });
  });

  test('S04: a log without any event is never complete', async () => {
    const empty = await openStory();
    const verdict = await verify(await empty.bundle());
    expect(answers(verdict)).toEqual(['pass', 'not_shown', 'fail']);
    expect(found(verdict)).toEqual(['nothing_shown ', 'log_empty logs[0]']);
  });
});

describe('whose word it is', () => {
  test('O02: a key that the auditor knows does not speak for another emitter', async () => {
    const impostor = newParty('impostor');
    const lying = await openStory({ impostor });
    await lying.pay();
    const [emitter] = policy()['emitters'] as readonly JsonObject[];
    const other = {
      ...emitter,
      name: 'other',
      log: REVOCATION_ORIGIN,
      key: impostor.jwk as unknown as JsonObject,
    };
    const verdict = await verify(await lying.bundle(), { emitters: [emitter as never, other] });
    expect(answers(verdict)[0]).toBe('fail');
    expect(found(verdict)).toContain('signature_invalid logs[0].items[0]');
    expect(verdict.events).toEqual([]);
  });

  test('O05: a checkpoint of the revocation log is none of the audit log', async () => {
    const [emitter] = policy()['emitters'] as readonly JsonObject[];
    const swapped = tampered((b) => {
      const [log] = b.logs as [Bundle['logs'][0]];
      log.checkpoint = log.checkpoint.replace(AUDIT_ORIGIN, REVOCATION_ORIGIN);
    });
    const verdict = await verify(swapped, {
      emitters: [emitter as never, { ...emitter, log: REVOCATION_ORIGIN }],
    });
    expect(answers(verdict)[0]).toBe('fail');
    expect(found(verdict)).toContain('checkpoint_invalid logs[0].checkpoint');
  });

  test('J11, M16: what a key signs after it was given up does not count, whatever time it says', async () => {
    const [emitter] = policy()['emitters'] as readonly JsonObject[];
    const retired = await verify(whole, { emitters: [{ ...emitter, last_sequence: 4 }] });
    expect(found(retired).filter((each) => each.startsWith('emitter_not_valid'))).toEqual(
      [4, 5, 6, 7].map((item) => `emitter_not_valid logs[0].items[${item}]`),
    );
    const ended = await verify(whole, { emitters: [{ ...emitter, not_after: NOW + 1 }] });
    expect(answers(ended)[0]).toBe('fail');
    const before = await verify(whole, { emitters: [{ ...emitter, not_before: NOW + 1 }] });
    expect(found(before)).toContain('emitter_not_valid logs[0].items[0]');
    const [anchor] = policy()['anchors'] as readonly JsonObject[];
    const anchors = [{ ...anchor, not_after: NOW + 1 }];
    const late = await verify(whole, { anchors });
    expect(answers(late)).toEqual(['pass', 'fail', 'pass']);
    expect(found(late)).toEqual([
      'anchor_not_valid logs[0].items[4]',
      'anchor_not_valid logs[0].items[6]',
    ]);
  });

  test('J14: an event of the future has not happened when the witnesses saw it', async () => {
    const ahead = await openStory();
    await ahead.recorder.record(toldDenial(NOW + 60));
    expect(answers(await verify(await ahead.bundle()))[0]).toBe('pass');
    await ahead.recorder.record(toldDenial(NOW + 61));
    const verdict = await verify(await ahead.bundle());
    expect(found(verdict)).toContain('time_ahead logs[0].items[1]');
  });

  test('S15: a clock that ran backwards is told', async () => {
    const back = await openStory();
    await back.recorder.record(toldDenial(NOW));
    await back.recorder.record(toldDenial(NOW - 10));
    const { notices } = await verify(await back.bundle());
    expect(notices).toEqual([{ code: 'time_stepped_back', path: 'logs[0].items[1]', sequence: 2 }]);
  });
});

describe('an enforcement point that lies', () => {
  async function told(...events: Awaited<ReturnType<typeof toldPermit>>[]) {
    const lying = await openStory();
    for (const event of events) await lying.recorder.record(event);
    const bundle = await lying.bundle({ staples: [await lying.staple(story.chain)] });
    return verify(bundle);
  }

  test('is believed where its word fits the chain', async () => {
    expect(answers(await told(await toldPermit(story.chain)))).toEqual(SOUND);
  });

  test.each<[string, () => Promise<readonly Awaited<ReturnType<typeof toldPermit>>[]>, string]>([
    [
      'about arguments that the chain does not grant',
      async () => [await toldPermit(story.chain, { args: { ...PAYMENT, amount: '201.00' } })],
      'call_denied',
    ],
    [
      'about arguments that nobody proved',
      async () => [await toldPermit(story.chain, { args: { ...PAYMENT, amount: '119.00' } })],
      'call_denied',
    ],
    [
      'about a tool that the chain does not grant',
      async () => [await toldPermit(story.chain, { tool: 'read' })],
      'call_denied',
    ],
    [
      'about a proof that was made at another time',
      async () => [await toldPermit(await newChain({ now: NOW - 300 }), { provenAt: NOW - 61 })],
      'call_denied',
    ],
    [
      'E19: about a proof that was made for another enforcement point',
      async () => [await toldPermit(story.chain, { audience: 'https://other.example' })],
      'call_denied',
    ],
    [
      'J11: about a chain that had expired',
      async () => [
        await toldPermit(await newChain({ now: NOW - 100, lifetime: 60 }), { provenAt: NOW - 50 }),
      ],
      'chain_denied',
    ],
    [
      'S13: about who called',
      async () => {
        const event = await toldPermit(story.chain);
        const [chain] = event.chains as [(typeof event.chains)[0]];
        const holders = [...chain.holders.slice(0, -1), PARTIES.planner.key.thumbprint];
        return [{ ...event, chains: [{ ...chain, holders }] }];
      },
      'chain_mismatch',
    ],
    [
      'S13: about the tenant',
      async () => [await toldPermit(story.chain, { tenant: 'acme' })],
      'chain_mismatch',
    ],
    [
      'E01: about a proof that served twice',
      async () => {
        const event = await toldPermit(story.chain);
        return [event, event];
      },
      'proof_repeated',
    ],
    [
      'about an outcome without a permit',
      async () => [
        { ...(await toldPermit(story.chain)), type: 'outcome', decision: 'executed' } as never,
      ],
      'outcome_without_permit',
    ],
    [
      'about a session that nobody opened',
      async () => {
        const event = await toldPermit(story.chain, { session: 'A'.repeat(22) });
        return [{ ...event, evidence: { chains: [story.chain], proofs: [] } }];
      },
      'session_unknown',
    ],
  ])('%s is found out', async (_, events, code) => {
    const verdict = await told(...(await events()));
    expect(verdict.problems.map((problem) => problem.code)).toContain(code);
    expect(answers(verdict)).not.toEqual(SOUND);
  });

  const approvals = (...keys: readonly string[]) =>
    keys.map((key, index) => ({
      group: 'finance',
      approver: `approver ${index}`,
      thumbprint: key.padEnd(43, '-'),
      id: `a-${index}`,
    }));

  test.each<[string, Parameters<typeof toldPermit>[1], string | undefined]>([
    ['as many as the chain asks for', { approvals: approvals('ada', 'grace') }, undefined],
    ['none', {}, 'approvals_unmet'],
    ['one where two are asked for', { approvals: approvals('ada') }, 'approvals_unmet'],
    ['P09: one of them twice', { approvals: approvals('ada', 'ada') }, 'approvals_unmet'],
    [
      'one of them by who asks',
      { approvals: approvals('ada', PARTIES.agent.key.thumbprint) },
      'approvals_unmet',
    ],
  ])('about approvals, with %s', async (_, changes, code) => {
    const chain = await newChain({ caveats: { approvals: { pay: { finance: 2 } } } });
    const lying = await openStory();
    await lying.recorder.record(await toldPermit(chain, changes));
    const bundle = await lying.bundle({ staples: [await lying.staple(chain)] });
    const verdict = await verify(bundle);
    expect(verdict.problems.map((problem) => problem.code)).toEqual(
      code === undefined ? [] : [code],
    );
  });

  test('is believed of a tenant where the chain names it, and refused where the auditor knows another', async () => {
    const tenant = 'acme';
    const chain = await newChain({ caveats: { tenant } });
    const lying = await openStory({ tenant });
    await lying.recorder.record(await toldPermit(chain, { tenant }));
    const bundle = await lying.bundle({ staples: [await lying.staple(chain)] });
    expect(answers(await verify(bundle))).toEqual(SOUND);
    const [emitter] = policy()['emitters'] as readonly JsonObject[];
    const own = await verify(bundle, { emitters: [{ ...emitter, tenant }] });
    expect(answers(own)).toEqual(SOUND);
    const other = await verify(bundle, { emitters: [{ ...emitter, tenant: 'other' }] });
    expect(other.problems).toMatchObject([{ code: 'call_denied', denial: 'tenant_mismatch' }]);
  });
});
