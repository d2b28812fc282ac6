import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createRevokedTable,
  type KnownRevocation,
  REVOCATION_RETENTION,
  type RevokedTable,
} from '../../src/revocation-view/revoked-table.ts';

const identifier = (name: string): string => hash('sha256', name, 'base64url');

/** What a table must answer, in maps. */
class Model {
  readonly tokens = new Map<string, number>();
  readonly keys = new Set<string>();
  readonly tenants = new Map<string, number>();
  readonly replaced = new Map<string, number>();

  add(revoked: KnownRevocation): boolean {
    const before = this.entries();
    if (revoked.kind === 'token')
      this.tokens.set(
        revoked.token,
        Math.max(revoked.expiresAt, this.tokens.get(revoked.token) ?? -Infinity),
      );
    if (revoked.kind === 'key') this.keys.add(revoked.key);
    if (revoked.kind === 'tenant')
      this.tenants.set(
        revoked.tenant,
        Math.max(revoked.issuedBefore, this.tenants.get(revoked.tenant) ?? -Infinity),
      );
    if (revoked.kind === 'replaced')
      this.replaced.set(
        revoked.key,
        Math.min(revoked.oldUntil, this.replaced.get(revoked.key) ?? Infinity),
      );
    return JSON.stringify(before) !== JSON.stringify(this.entries());
  }

  prune(time: number): void {
    for (const [token, end] of this.tokens)
      if (end + REVOCATION_RETENTION <= time) this.tokens.delete(token);
  }

  entries(): string[] {
    return [
      ...[...this.tokens].map(([token, end]) => `token ${token} ${end}`),
      ...[...this.keys].map((key) => `key ${key}`),
      ...[...this.tenants].map(([tenant, before]) => `tenant ${tenant} ${before}`),
      ...[...this.replaced].map(([key, until]) => `replaced ${key} ${until}`),
    ].sort();
  }
}

function entriesOf(table: RevokedTable): string[] {
  return [...table.entries()]
    .map((revoked) => {
      if (revoked.kind === 'token') return `token ${revoked.token} ${revoked.expiresAt}`;
      if (revoked.kind === 'key') return `key ${revoked.key}`;
      if (revoked.kind === 'replaced') return `replaced ${revoked.key} ${revoked.oldUntil}`;
      return `tenant ${revoked.tenant} ${revoked.issuedBefore}`;
    })
    .sort();
}

/** Identifiers of which many begin alike, so that the filter alone would confuse them. */
const subject = fc
  .tuple(fc.nat(40), fc.boolean())
  .map(([number, alike]) =>
    alike ? `AAAAA${identifier(`${number}`).slice(5)}` : identifier(`${number}`),
  );

const time = fc.integer({ min: 0, max: 10 }).map((step) => 1_800_000_000 + step * 20_000);

const step = fc.oneof(
  fc.record({ act: fc.constant('token' as const), subject, time }),
  fc.record({ act: fc.constantFrom('key' as const, 'replaced' as const), subject, time }),
  fc.record({
    act: fc.constant('tenant' as const),
    subject: fc.constantFrom('acme', '__proto__', '', 'ä'),
    time,
  }),
  fc.record({ act: fc.constant('prune' as const), subject, time }),
);

function revokedBy({ act, subject, time }: { act: string; subject: string; time: number }) {
  if (act === 'key') return { kind: 'key', key: subject } as const;
  if (act === 'replaced') return { kind: 'replaced', key: subject, oldUntil: time } as const;
  if (act === 'tenant') return { kind: 'tenant', tenant: subject, issuedBefore: time } as const;
  return { kind: 'token', token: subject, expiresAt: time } as const;
}

describe('the table of what is revoked', () => {
  it('[M18] finds what a map finds, and nothing else, whatever is added and pruned', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 120 }),
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        (steps, seed) => {
          const table = createRevokedTable(seed);
          const model = new Model();
          for (const each of steps) {
            if (each.act === 'prune') {
              table.prune(each.time);
              model.prune(each.time);
            } else {
              const revoked = revokedBy(each);
              expect(table.add(revoked)).toBe(model.add(revoked));
            }
            const query = {
              tokens: [each.subject.padEnd(43, 'A').slice(0, 43)].filter((text) =>
                /^[\w-]{43}$/.test(text),
              ),
              keys: [],
              tenant: undefined,
              oldestIssuedAt: 0,
            };
            const found = query.tokens.some((token) => model.tokens.has(token));
            expect(table.find(query)?.what).toBe(found ? 'token' : undefined);
            expect(table.replacedFrom(each.subject)).toBe(model.replaced.get(each.subject));
          }
          expect(entriesOf(table)).toEqual(model.entries());
          expect(table.size).toBe(model.entries().length);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('[M18] keeps 60,000 identifiers apart from 60,000 others, while it grows and after most are pruned', () => {
    const table = createRevokedTable();
    const names = Array.from({ length: 60_000 }, (_, index) => index);
    for (const index of names)
      table.add({
        kind: 'token',
        token: identifier(`revoked ${index}`),
        expiresAt: index % 10 === 0 ? 2_000_000_000 : 1_000_000_000,
      });
    const isFound = (name: string, what: 'tokens' | 'keys' = 'tokens'): boolean =>
      table.find({
        tokens: [],
        keys: [],
        tenant: undefined,
        oldestIssuedAt: 0,
        [what]: [identifier('fine'), identifier(name)],
      })?.index === 1;
    expect(names.every((index) => isFound(`revoked ${index}`))).toBe(true);
    expect(names.some((index) => isFound(`other ${index}`))).toBe(false);
    expect(names.some((index) => isFound(`revoked ${index}`, 'keys'))).toBe(false);
    expect(table.prune(1_500_000_000)).toBe(54_000);
    expect(names.every((index) => isFound(`revoked ${index}`) === (index % 10 === 0))).toBe(true);
    expect(table.size).toBe(6_000);
  });

  it('forgets a token a day after its end, and no second before; a key and a tenant never', () => {
    const end = 1_800_000_000;
    const table = createRevokedTable();
    table.add({ kind: 'token', token: identifier('token'), expiresAt: end });
    table.add({ kind: 'key', key: identifier('key') });
    table.add({ kind: 'tenant', tenant: 'acme', issuedBefore: end });
    expect(table.prune(end + REVOCATION_RETENTION - 1)).toBe(0);
    expect(table.prune(end + REVOCATION_RETENTION)).toBe(1);
    table.prune(Number.MAX_SAFE_INTEGER);
    expect([...table.entries()].map(({ kind }) => kind)).toEqual(['key', 'tenant']);
  });

  it('names the first token, then the first key, then the tenant', () => {
    const table = createRevokedTable();
    const query = {
      tokens: ['a', 'b', 'c'].map(identifier),
      keys: ['x', 'y'].map(identifier),
      tenant: 'acme',
      oldestIssuedAt: 100,
    };
    table.add({ kind: 'tenant', tenant: 'acme', issuedBefore: 101 });
    expect(table.find(query)).toEqual({ verdict: 'revoked', what: 'tenant', index: 0 });
    expect(table.find({ ...query, oldestIssuedAt: 101 })).toBeUndefined();
    table.add({ kind: 'key', key: identifier('y') });
    expect(table.find(query)).toEqual({ verdict: 'revoked', what: 'key', index: 1 });
    table.add({ kind: 'token', token: identifier('c'), expiresAt: 1 });
    table.add({ kind: 'token', token: identifier('b'), expiresAt: 1 });
    expect(table.find(query)).toEqual({ verdict: 'revoked', what: 'token', index: 1 });
  });

  it.each([
    ['too short', 'A'.repeat(42)],
    ['too long', 'A'.repeat(44)],
    ['not base64url at its beginning', `+${'A'.repeat(42)}`],
    ['not base64url at its end', `${'A'.repeat(42)}=`],
    ['of letters that look alike in their last eight bits', `Ł${'A'.repeat(42)}`],
  ])('refuses an identifier that is %s', (_, text) => {
    const table = createRevokedTable();
    expect(() => table.add({ kind: 'key', key: text })).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
    expect(table.size).toBe(0);
  });
});
