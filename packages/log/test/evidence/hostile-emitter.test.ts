import { createHash } from 'node:crypto';
import {
  buildEvidence,
  canonicalize,
  type EvidenceVerdict,
  type JsonObject,
  leafHash,
  nodeHash,
  prove,
  signCheckpoint,
  type VerifiedChain,
  writeCheckpoint,
  writeNote,
} from '@taper/core';
import { whyNoPython } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { createMemoryCheckpointStore, createMemoryTileStore, openLog } from '../../src/index.ts';
import { compare, type Question } from './both-verifiers.ts';
import {
  AUDIENCE,
  AUDIT_ORIGIN,
  answers,
  described,
  found,
  NOW,
  newChain,
  PARTIES,
  PAYMENT,
  policy,
  verify,
} from './story.ts';

const SOUND = ['pass', 'pass', 'pass'];
const SALT = Buffer.alloc(16, 7);

/** Nobody but the log: these logs have no witnesses. */
function alone(changes: JsonObject = {}): JsonObject {
  const [log, ...others] = policy()['logs'] as readonly JsonObject[];
  const { witnesses: _, quorum: __, ...rest } = log as JsonObject;
  return { logs: [rest, ...others], ...changes };
}

const questions: Question[] = [];

/** The verdict of ours, and a question to the verifier in Python. */
async function judge(bundle: string, changes: JsonObject = alone()): Promise<EvidenceVerdict> {
  questions.push({ what: `question ${questions.length}`, bundle, changes });
  return verify(bundle, changes);
}

function sha256(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('base64url');
}

/** The root over the first two lines. */
function runHash([one = '', two = '']: readonly string[]): string {
  const bytes = (line: string): Uint8Array => new TextEncoder().encode(line);
  const root = nodeHash(leafHash(bytes(one)), leafHash(bytes(two)));
  return Buffer.from(root).toString('base64url');
}

function idOf(index: number): string {
  return `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
}

/** Lines that no recorder of ours would write, in order, hashed and signed as the emitter does. */
async function sign(events: readonly JsonObject[]): Promise<string[]> {
  const { key, signer } = PARTIES.point;
  const emitter = key.thumbprint;
  const lines: string[] = [];
  let previous_hash = 'A'.repeat(43);
  for (const [index, changes] of events.entries()) {
    const sequence = index + 1;
    const event = {
      emitter,
      enforcement_point: AUDIENCE,
      event_id: idOf(sequence),
      previous_hash,
      sequence,
      time: NOW,
      ...changes,
    };
    const { time } = event;
    const hash = sha256(canonicalize(event));
    const head = `taper-audit-event-v1:${canonicalize({ emitter, hash, sequence, time })}`;
    const signature = await signer.sign(new TextEncoder().encode(head));
    lines.push(canonicalize({ ...event, signature: Buffer.from(signature).toString('base64url') }));
    previous_hash = hash;
  }
  return lines;
}

/** A log of such lines, and a note over all of them. */
async function publish(lines: readonly string[]): Promise<string> {
  const log = await openLog({
    origin: AUDIT_ORIGIN,
    signer: PARTIES.auditLog.signer,
    tiles: createMemoryTileStore(),
    checkpoints: createMemoryCheckpointStore(),
    create: true,
  });
  await log.appendAll(lines.map((line) => new TextEncoder().encode(line)));
  const { note } = await log.publish();
  await log.close();
  return note;
}

/** A bundle of such lines, all of them shown. */
async function tell(
  events: readonly JsonObject[],
  beside: { readonly openings?: readonly (object | undefined)[]; readonly tokens?: string[] } = {},
): Promise<string> {
  const lines = await sign(events);
  const checkpoint = await publish(lines);
  const { openings = [], tokens } = beside;
  const items = lines.map((line, at) => {
    const opening = openings[at];
    return opening === undefined ? { line } : { line, opening };
  });
  return canonicalize({
    logs: [{ checkpoint, items }],
    taper_evidence: 1,
    ...(tokens === undefined ? {} : { tokens }),
  });
}

function named(chain: VerifiedChain): JsonObject {
  const { issuer, holders, tokens } = described(chain);
  const delegation = [issuer, ...holders];
  return {
    agent_id: delegation.at(-1) as string,
    delegated_by: delegation.at(-2) as string,
    delegation_chain: delegation,
    token_hashes: tokens,
  };
}

function tokensOf(chain: VerifiedChain): string[] {
  return chain.tokens.map(({ compact }) => compact);
}

const PERMIT = { event_type: 'decision', decision: 'permit', tool: 'pay' } as const;
const OUTCOME = { event_type: 'outcome', decision: 'executed', tool: 'pay' } as const;
const LENIENT = { required: { arguments: 'optional', proofs: 'optional', revocation: 'optional' } };

describe('an emitter that signs what it likes', () => {
  test('D16: a permitted call that names no chain is no event, and what ran under it was not authorized', async () => {
    const bundle = await tell([PERMIT, { ...OUTCOME, decision_event_id: idOf(1) }]);
    const verdict = await judge(bundle, alone());
    expect(answers(verdict)).toEqual(['fail', 'not_shown', 'not_shown']);
    expect(found(verdict)).toContain('line_malformed logs[0].items[0]');
    const denied = await judge(
      await tell([{ event_type: 'decision', decision: 'deny', tool: 'pay' }]),
      alone(),
    );
    expect(answers(denied)).toEqual(SOUND);
  });

  test.each([
    ['decision', 'executed'],
    ['decision', 'opened'],
    ['session', 'executed'],
    ['session', 'permit'],
    ['outcome', 'permit'],
    ['outcome', 'opened'],
  ])('a %s that says %s is no event', async (event_type, decision) => {
    const chain = await newChain();
    const bundle = await tell([{ event_type, decision, tool: 'pay', ...named(chain) }], {
      tokens: tokensOf(chain),
    });
    const verdict = await judge(bundle, alone(LENIENT));
    expect(verdict.authentic).toBe('fail');
    expect(found(verdict)).toContain('line_malformed logs[0].items[0]');
    const right = await judge(
      await tell([{ ...PERMIT, ...named(chain) }], { tokens: tokensOf(chain) }),
      alone(LENIENT),
    );
    expect(answers(right)).toEqual(SOUND);
  });

  test.each([
    ['F01: different tenants', { tenant: 'a' }, { tenant: 'b' }],
    ['F01: a tenant and none', { tenant: 'a' }, {}],
  ])('joined chains of %s are a verdict, and fail', async (_, first, second) => {
    const told = async (caveats: object): Promise<string> => {
      const [one, two] = [await newChain({ caveats: first }), await newChain({ caveats })];
      const event = { ...PERMIT, tenant: 'a', ...named(one), joined_chains: [named(two)] };
      return tell([event], { tokens: [...tokensOf(one), ...tokensOf(two)] });
    };
    const verdict = await judge(await told(second), alone(LENIENT));
    expect(found(verdict)).toEqual(['chain_mismatch logs[0].items[0]']);
    expect(answers(await judge(await told(first), alone(LENIENT)))).toEqual(SOUND);
  });

  test.each([
    ['agent_id', PARTIES.planner.key.thumbprint],
    ['delegated_by', PARTIES.agent.key.thumbprint],
    ['delegation_chain', ['https://other.example', PARTIES.agent.key.thumbprint]],
    ['token_hashes', ['A'.repeat(43)]],
    ['joined_chains', undefined],
    ['tool', 'read'],
  ])('S13: an outcome whose %s is not that of its decision', async (member, value) => {
    const chain = await newChain();
    const joined = { ...named(chain), joined_chains: [named(chain)] };
    const outcome: JsonObject = { ...OUTCOME, ...joined, decision_event_id: idOf(1) };
    const { [member]: _, ...rest } = outcome;
    const other: JsonObject = value === undefined ? rest : { ...rest, [member]: value };
    const told = (second: JsonObject): Promise<string> =>
      tell([{ ...PERMIT, ...joined }, second], { tokens: tokensOf(chain) });
    const verdict = await judge(await told(other), alone(LENIENT));
    expect(found(verdict)).toEqual(['outcome_mismatch logs[0].items[1]']);
    expect(answers(await judge(await told(outcome), alone(LENIENT)))).toEqual(SOUND);
  });

  test('O06: what somebody else has signed says of no run that it was not asked about', async () => {
    const denial = { event_type: 'decision', decision: 'deny', tool: 'pay' };
    const lines = await sign([denial, denial, { ...denial, time: NOW - 100 }]);
    const forged = JSON.parse(lines[2] ?? '') as JsonObject;
    const other = canonicalize({ ...forged, signature: 'A'.repeat(86) });
    const shown = async (last: string): Promise<string> => {
      const all = [...lines.slice(0, 2), last];
      return canonicalize({
        logs: [
          {
            checkpoint: await publish(all),
            items: [{ count: 2, hashes: [runHash(all)] }, { line: last }],
          },
        ],
        taper_evidence: 1,
      });
    };
    const changes = alone({ required: { time: { from: NOW - 10, until: NOW + 10 } } });
    expect((await judge(await shown(lines[2] ?? ''), changes)).complete).toBe('pass');
    expect((await judge(await shown(other), changes)).complete).toBe('not_shown');
  });

  test('an outcome after its decision, and once, is the only one', async () => {
    const chain = await newChain();
    const permit = { ...PERMIT, ...named(chain) };
    const told = (...events: readonly JsonObject[]): Promise<string> =>
      tell(events, { tokens: tokensOf(chain) });
    const of = (sequence: number): JsonObject => ({
      ...OUTCOME,
      ...named(chain),
      decision_event_id: idOf(sequence),
    });
    const right = await judge(await told(permit, of(1)), alone(LENIENT));
    expect(answers(right)).toEqual(SOUND);
    const early = await judge(await told(of(2), permit), alone(LENIENT));
    expect(found(early)).toEqual(['outcome_without_permit logs[0].items[0]']);
    const twice = await judge(await told(permit, of(1), of(1)), alone(LENIENT));
    expect(found(twice)).toEqual(['outcome_repeated logs[0].items[2]']);
  });

  test('a session that was opened before, with the same chains, is the only one', async () => {
    const [chain, other] = [await newChain(), await newChain()];
    const session = 'session 1';
    const opened = { event_type: 'session', decision: 'opened', session, ...named(chain) };
    const permit = (under: VerifiedChain): JsonObject => ({ ...PERMIT, session, ...named(under) });
    const told = (...events: readonly JsonObject[]): Promise<string> =>
      tell(events, { tokens: [...tokensOf(chain), ...tokensOf(other)] });
    const mentions = { event_type: 'decision', decision: 'deny', ...named(other) };
    const right = await judge(await told(opened, permit(chain), mentions), alone(LENIENT));
    expect(answers(right)).toEqual(SOUND);
    const late = await judge(await told(permit(chain), opened, mentions), alone(LENIENT));
    expect(found(late)).toEqual(['session_unknown logs[0].items[0]']);
    const foreign = await judge(await told(opened, permit(other)), alone(LENIENT));
    expect(found(foreign)).toEqual(['session_mismatch logs[0].items[1]']);
  });

  test.each(['pay…', 'pay (token withheld)'])(
    'a tool that was cut, %s, is not shown',
    async (tool) => {
      const chain = await newChain();
      const bundle = await tell([{ ...PERMIT, ...named(chain), tool }], {
        tokens: tokensOf(chain),
      });
      const verdict = await judge(bundle, alone(LENIENT));
      expect(found(verdict)).toEqual(['tool_not_shown logs[0].items[0]']);
      expect(answers(verdict)).toEqual(['pass', 'not_shown', 'pass']);
    },
  );

  test('F01: a chain of another tenant than the enforcement point is refused, also where no arguments are shown', async () => {
    const chain = await newChain({ caveats: { tenant: 'a' } });
    const bundle = await tell([{ ...PERMIT, tenant: 'a', ...named(chain) }], {
      tokens: tokensOf(chain),
    });
    const [emitter] = policy()['emitters'] as readonly JsonObject[];
    const of = (tenant: string): JsonObject =>
      alone({ ...LENIENT, emitters: [{ ...emitter, tenant }] });
    expect(answers(await judge(bundle, of('a')))).toEqual(SOUND);
    expect(found(await judge(bundle, of('b')))).toEqual(['call_denied logs[0].items[0]']);
  });

  test('more proofs than chains are no opening', async () => {
    const chain = await newChain();
    const proof = await prove(chain, {
      signer: PARTIES.agent.signer,
      tool: 'pay',
      args: PAYMENT,
      now: NOW,
      id: 'counted',
      audience: AUDIENCE,
    });
    const text = canonicalize(PAYMENT);
    const told = (proofs: readonly string[]): Promise<string> =>
      tell([{ ...PERMIT, arguments_hash: sha256(SALT, text), ...named(chain) }], {
        tokens: tokensOf(chain),
        openings: [{ arguments: text, proofs, salt: SALT.toString('base64url') }],
      });
    const { aat_pop } = proof;
    const changes = alone({ required: { revocation: 'optional' } });
    expect(answers(await judge(await told([aat_pop]), changes))).toEqual(SOUND);
    expect(found(await judge(await told([aat_pop, aat_pop]), changes))).toContain(
      'opening_unexpected logs[0].items[0].opening',
    );
  });

  test('R01: an entry is at most 65,535 bytes, whatever the log has signed', async () => {
    const told = async (length: number): Promise<string> => {
      const denial = { event_type: 'decision', decision: 'deny', tool: '' };
      const [empty = ''] = await sign([denial]);
      // Two bytes each, and one code unit.
      const rest = length - Buffer.byteLength(empty);
      const tool = 'é'.repeat(Math.floor(rest / 2)) + 'x'.repeat(rest % 2);
      const [line = ''] = await sign([{ ...denial, tool }]);
      expect(Buffer.byteLength(line)).toBe(length);
      const body = writeCheckpoint({
        origin: AUDIT_ORIGIN,
        size: 1,
        root: leafHash(new TextEncoder().encode(line)),
      });
      const signature = await signCheckpoint(body, AUDIT_ORIGIN, PARTIES.auditLog.signer);
      const checkpoint = writeNote(body, [signature]);
      return canonicalize({ logs: [{ checkpoint, items: [{ line }] }], taper_evidence: 1 });
    };
    expect(answers(await judge(await told(65_535)))).toEqual(SOUND);
    expect(found(await judge(await told(65_536)))).toContain('line_malformed logs[0].items[0]');
  });

  test('S05: a head that was kept of the last event of another history is found', async () => {
    const denial = { event_type: 'decision', decision: 'deny', tool: 'pay' };
    const [, last = ''] = await sign([denial, { ...denial, tool: 'read' }]);
    const { signature, ...event } = JSON.parse(last) as JsonObject;
    const { emitter, sequence, time } = event;
    const head = { emitter, hash: sha256(canonicalize(event)), sequence, signature, time };
    const changes = alone({ held: { heads: [head as JsonObject] } });
    const same = await tell([denial, { ...denial, tool: 'read' }]);
    expect(answers(await judge(same, changes))).toEqual(SOUND);
    expect(found(await judge(await tell([denial, denial]), changes))).toEqual([
      'held_forked logs[0]',
    ]);
  });

  test('joined chains beside nobody are no event', async () => {
    const chain = await newChain();
    const event = { event_type: 'decision', decision: 'deny', joined_chains: [named(chain)] };
    const bundle = await tell([event], { tokens: tokensOf(chain) });
    expect(found(await judge(bundle, alone()))).toContain('line_malformed logs[0].items[0]');
  });

  test.each([
    ['empty', ''],
    ['too long', 'x'.repeat(257)],
    ['with a control character', 'a\u0000'],
  ])('X16: a tenant that is %s is a verdict, not an error', async (_, tenant) => {
    const chain = await newChain();
    const bundle = await tell([{ ...PERMIT, tenant, ...named(chain) }], {
      tokens: tokensOf(chain),
    });
    const verdict = await judge(bundle, alone(LENIENT));
    expect(answers(verdict)).toEqual(['pass', 'fail', 'pass']);
    expect(found(verdict)).toEqual(['chain_mismatch logs[0].items[0]']);
  });

  test.each([
    ['no JSON', 'pay 120.00'],
    ['no object', '["120.00"]'],
    ['an object in another order', '{"order":"o-1","amount":"120.00"}'],
    ['an object with white space', '{"amount": "120.00","order":"o-1"}'],
    ['an object with a member twice', '{"amount":"1","amount":"120.00","order":"o-1"}'],
    ['a number that no double holds', '{"amount":1e400}'],
    ['half of a surrogate pair', '{"amount":"\\ud800"}'],
  ])('C12: arguments that are %s open nothing, whatever was hashed', async (_, text) => {
    const chain = await newChain();
    const salt = SALT.toString('base64url');
    const told = async (args: string): Promise<string> =>
      tell([{ ...PERMIT, arguments_hash: sha256(SALT, args), ...named(chain) }], {
        tokens: tokensOf(chain),
        openings: [{ arguments: args, salt }],
      });
    const verdict = await judge(await told(text), alone(LENIENT));
    expect(verdict.authentic).toBe('fail');
    expect(found(verdict)).toEqual(['opening_mismatch logs[0].items[0].opening']);
    const canonical = await judge(await told(canonicalize(PAYMENT)), alone(LENIENT));
    expect(answers(canonical)).toEqual(SOUND);
  });

  test('E01: one proof for two permits is found, also under another event', async () => {
    const chain = await newChain();
    const { aat_pop } = await prove(chain, {
      signer: PARTIES.agent.signer,
      tool: 'pay',
      args: PAYMENT,
      now: NOW,
      id: 'once',
      audience: AUDIENCE,
    });
    const args = canonicalize(PAYMENT);
    const permit = { ...PERMIT, arguments_hash: sha256(SALT, args), ...named(chain) };
    const opening = { arguments: args, proofs: [aat_pop], salt: SALT.toString('base64url') };
    const bundle = await tell([permit, permit], {
      tokens: tokensOf(chain),
      openings: [opening, opening],
    });
    const changes = alone({ required: { revocation: 'optional' } });
    expect(found(await judge(bundle, changes))).toEqual(['proof_repeated logs[0].items[1]']);
  });
});

describe('a bundle of many', () => {
  test('events: more than 10,000 values are written, read and judged', {
    timeout: 60_000,
  }, async () => {
    const denial = { event_type: 'decision', decision: 'deny', tool: 'pay' };
    const lines = await sign(Array.from({ length: 5_001 }, () => denial));
    const bundle = await buildEvidence({
      logs: [
        {
          checkpoint: await publish(lines),
          events: lines.map((line, index) => ({ index, line })),
          subtree: () => expect.fail('nothing is withheld'),
        },
      ],
    });
    expect(answers(await judge(bundle, alone()))).toEqual(SOUND);
  });
});

test.skipIf(whyNoPython() !== undefined)(
  'the verifier in Python says the same of all of these',
  { timeout: 60_000 },
  async () => {
    expect(await compare(questions)).toHaveLength(questions.length);
  },
);
