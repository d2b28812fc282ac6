import { isAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import type { JsonObject } from '@taper/core';
import { describe, expect, test } from 'vitest';
import {
  type CedarEngineOptions,
  createCedarEngine,
  PolicyLoadError,
} from '../../src/policy/cedar/index.ts';
import type { PolicyDecision, PolicyInput } from '../../src/port/policy-engine.ts';
import { DEPLOYER, HELPER, policyChain, policyInput, REFUND_DESK } from './input.ts';

const action = (args: string, tool = 'act'): string =>
  `action "${tool}" appliesTo { principal: Taper::Agent, resource: Taper::Resource, context: { call: Taper::Call, arguments: { ${args} } } };`;

const ANY = 'permit (principal, action, resource);';

function engineOf(policies: string, args = 'n: Long', more: Partial<CedarEngineOptions> = {}) {
  return createCedarEngine({ policies, schema: action(args), ...more });
}

function inputOf(args: JsonObject, overrides: Partial<PolicyInput> = {}): PolicyInput {
  return policyInput({ tool: 'act', arguments: args, ...overrides });
}

async function decide(
  policies: string,
  value: JsonObject,
  args = 'n: Long',
  more: Partial<CedarEngineOptions> = {},
): Promise<PolicyDecision> {
  return engineOf(policies, args, more).decide(inputOf(value));
}

function refused(options: () => unknown): PolicyLoadError {
  try {
    options();
  } catch (error) {
    if (error instanceof PolicyLoadError) return error;
    throw error;
  }
  throw new Error('It was loaded.');
}

describe('a decision', () => {
  test('Y01: what no policy permits is denied', async () => {
    const only = 'permit (principal, action, resource) when { context.arguments.n == 1 };';
    expect((await decide(only, { n: 1 })).verdict).toBe('permit');
    expect(await decide(only, { n: 2 })).toMatchObject({ verdict: 'deny', reasons: [] });
  });

  test('K11: one forbid outweighs every permit', async () => {
    const forbid = '@id("no") forbid (principal, action, resource);';
    expect(await decide(`${ANY}\n${ANY}\n${forbid}`, { n: 1 })).toMatchObject({
      verdict: 'deny',
      reasons: ['no'],
    });
  });

  test('Y07: an error in any policy denies, also where Cedar would pass over a forbid and permit', async () => {
    const overflowing =
      '@id("limit") forbid (principal, action, resource) when { context.arguments.n + 9223372036854775807 > 5 };';
    expect((await decide(`${ANY}\n${overflowing}`, { n: -9 })).verdict).toBe('deny');
    expect((await decide(`${ANY}\n${overflowing}`, { n: 1 })).verdict).toBe('deny');
    expect(await decide(`${ANY}\n${overflowing}`, { n: 1 })).toMatchObject({
      reasons: ['evaluation_error', 'limit'],
    });
    const harmless = overflowing.replace('> 5', '> 9223372036854775806');
    expect((await decide(`${ANY}\n${harmless}`, { n: -9 })).verdict).toBe('permit');
  });

  test('an error in the policies without approval rules denies as well', async () => {
    const policies = `
      @approval("finance") forbid (principal, action, resource);
      ${ANY}
      forbid (principal, action, resource) when { context.arguments.n * 9223372036854775807 == 0 };`;
    expect((await decide(policies, { n: 3 })).verdict).toBe('deny');
    expect((await decide(policies, { n: 1 })).verdict).toBe('approval_required');
  });

  test('a tool that the schema does not know is denied', async () => {
    const engine = engineOf(ANY);
    expect(engine.decide(inputOf({ n: 1 }, { tool: 'other' }))).toMatchObject({
      verdict: 'deny',
      reasons: ['request_invalid'],
    });
  });

  test('the adapter’s action is a fact, and does not stand for the tool', async () => {
    const read = 'permit (principal, action, resource) when { context.call.action == "read" };';
    const engine = engineOf(read);
    expect(engine.decide(inputOf({ n: 1 }, { action: 'read' }))).toMatchObject({
      verdict: 'permit',
    });
    expect(engine.decide(inputOf({ n: 1 }, { action: 'act' }))).toMatchObject({ verdict: 'deny' });
    expect(engine.decide(inputOf({ n: 1 }, { tool: 'read', action: 'act' }))).toMatchObject({
      verdict: 'deny',
    });
  });
});

describe('approval', () => {
  const asks = '@id("ask") @approval("finance") forbid (principal, action, resource);';

  test('is asked for when only policies that ask for it forbid', async () => {
    expect(await decide(`${ANY}\n${asks}`, { n: 1 })).toMatchObject({
      verdict: 'approval_required',
      approvals: [{ group: 'finance', count: 1 }],
      reasons: ['ask'],
    });
  });

  test('K11: is not asked for when any other policy forbids', async () => {
    const other =
      '@id("no") forbid (principal, action, resource) when { context.arguments.n > 1 };';
    expect((await decide(`${ANY}\n${asks}\n${other}`, { n: 1 })).verdict).toBe('approval_required');
    expect(await decide(`${ANY}\n${asks}\n${other}`, { n: 2 })).toMatchObject({
      verdict: 'deny',
      reasons: ['ask', 'no'],
    });
  });

  test('is not asked for when nothing permits the call otherwise', async () => {
    const some = 'permit (principal, action, resource) when { context.arguments.n == 1 };';
    expect((await decide(`${some}\n${asks}`, { n: 1 })).verdict).toBe('approval_required');
    expect((await decide(`${some}\n${asks}`, { n: 2 })).verdict).toBe('deny');
  });

  test('each group is asked for its highest count', async () => {
    const more = `
      @approval("finance") @approval_count("3") forbid (principal, action, resource);
      @approval("security") @approval_count("2") forbid (principal, action, resource);
      @approval("legal") forbid (principal, action, resource) when { context.arguments.n > 1 };`;
    expect(await decide(`${ANY}\n${asks}\n${more}`, { n: 1 })).toMatchObject({
      approvals: [
        { group: 'finance', count: 3 },
        { group: 'security', count: 2 },
      ],
    });
  });

  test.each([
    ['@approval("finance") permit (principal, action, resource);', 'on a permit'],
    ['@approval("") forbid (principal, action, resource);', 'without a group'],
    ['@approval forbid (principal, action, resource);', 'without a value'],
    ['@approval_count("2") forbid (principal, action, resource);', 'a count alone'],
    ['@approval("a") @approval_count("0") forbid (principal, action, resource);', 'none'],
    ['@approval("a") @approval_count("17") forbid (principal, action, resource);', 'too many'],
    ['@approval("a") @approval_count("1.0") forbid (principal, action, resource);', 'no integer'],
    ['@approval("a") @aproval_count("2") forbid (principal, action, resource);', 'misspelt'],
    ['@approval("a") @approvals("b") forbid (principal, action, resource);', 'unknown'],
    ['@approval("a") @approval_count forbid (principal, action, resource);', 'count without value'],
  ])('Y02: an annotation that would mean nothing refuses the set: %s (%s)', (policy) => {
    expect(refused(() => engineOf(`${ANY}\n\n${policy}`))).toMatchObject({
      code: 'policy_invalid',
      file: 'policies',
      line: 3,
    });
  });
});

describe('arguments', () => {
  test.each<[string, string, unknown]>([
    ['Long', 'n: Long', 5],
    ['the largest exact integer', 'n: Long', Number.MAX_SAFE_INTEGER],
    ['Bool', 'n: Bool', false],
    ['String', 'n: String', 'ä\u{1F600}'],
    ['decimal, written as text', 'n: decimal', '12.3400'],
    ['Set', 'n: Set<String>', ['a', 'b']],
    ['record', 'n: { a: Long, b?: String }', { a: 1 }],
  ])('%s fits', async (_title, type, value) => {
    expect((await decide(ANY, { n: value } as JsonObject, type)).verdict).toBe('permit');
  });

  const nested = (levels: number): unknown => (levels === 0 ? 1 : { a: nested(levels - 1) });

  test.each<[string, string, unknown]>([
    ['null', 'n?: Long', null],
    ['a fraction', 'n: Long', 1.5],
    ['a fraction for a decimal', 'n: decimal', 1.5],
    ['an integer for a decimal', 'n: decimal', 1],
    ['an integer that a double does not hold', 'n: Long', 2 ** 53],
    ['an integer beyond 64 bits', 'n: Long', 2 ** 63],
    ['text for a number', 'n: Long', '5'],
    ['a number for text', 'n: String', 5],
    ['a list of two types', 'n: Set<String>', ['a', 1]],
    ['a missing member', 'n: { a: Long, b: String }', { a: 1 }],
    ['one more member', 'n: { a: Long }', { a: 1, b: 2 }],
    ['half a surrogate pair', 'n: String', '\ud800'],
    ['33 levels', 'n: String', nested(33)],
    ['5,000 levels', 'n: String', nested(5000)],
  ])(
    'Y10: what has no exact value or another type is refused, not converted: %s',
    async (_title, type, value) => {
      expect(await decide(ANY, { n: value } as JsonObject, type)).toMatchObject({
        verdict: 'deny',
        reasons: ['request_invalid'],
      });
    },
  );

  test('one that the schema does not declare, and a missing one, are refused', async () => {
    expect((await decide(ANY, { n: 1, m: 1 })).verdict).toBe('deny');
    expect((await decide(ANY, {})).verdict).toBe('deny');
    expect((await decide(ANY, {}, 'n?: Long')).verdict).toBe('permit');
  });

  test.each(['__entity', '__extn', '__expr'])(
    'Y06: one cannot pass for an entity or a function: %s',
    async (member) => {
      const admin = { type: 'Taper::Agent', id: 'admin' };
      const policy =
        'permit (principal, action, resource) when { context.arguments.n == Taper::Agent::"admin" };';
      const forged = {
        n: { [member]: member === '__extn' ? { fn: 'decimal', arg: '1.0' } : admin },
      };
      expect((await decide(policy, forged as JsonObject, 'n: Taper::Agent')).verdict).toBe('deny');
      expect((await decide(policy, { n: admin }, 'n: Taper::Agent')).verdict).toBe('permit');
    },
  );

  test('Y06: one named like a part of the call does not shadow it', async () => {
    const policy =
      'permit (principal, action, resource) when { context.call.issuer == "https://issuer.example" };';
    const type = 'call: { issuer: String }';
    const engine = engineOf(policy, type);
    const forged = { call: { issuer: 'https://issuer.example' } };
    expect(engine.decide(inputOf(forged))).toMatchObject({ verdict: 'permit' });
    const other = [policyChain([HELPER], { issuer: 'https://other.example' })];
    expect(engine.decide(inputOf(forged, { chains: other }))).toMatchObject({ verdict: 'deny' });
  });

  test('only what the owner selects is seen, when the owner selects', async () => {
    const more = { arguments: ({ arguments: { n } }: PolicyInput) => ({ n: n ?? 0 }) };
    expect((await decide(ANY, { n: 1, ratio: 0.5 }, 'n: Long', more)).verdict).toBe('permit');
    expect((await decide(ANY, { n: 0.5 }, 'n: Long', more)).verdict).toBe('deny');
  });
});

describe('what policies see', () => {
  const sees = (condition: string): string =>
    `permit (principal, action, resource) when { ${condition} };`;

  const input = inputOf(
    { n: 1 },
    {
      chains: [
        policyChain([REFUND_DESK, HELPER]),
        policyChain([DEPLOYER, 'middle', HELPER], {
          issuer: 'https://second.example',
          expiresAt: 1_950_000_000,
        }),
      ],
      resource: 'order/17',
      action: 'write',
      caveats: { tenant: 'acme', purposes: ['task-1'] },
      approvals: [{ group: 'finance', approver: 'ada' }],
    },
  );

  test.each([
    `principal == Taper::Agent::"${HELPER}"`,
    'resource == Taper::Resource::"order/17"',
    'context.call.tool == "act" && context.call.action == "write"',
    'context.call.enforcementPoint == "https://desk.example/mcp"',
    'context.call.now == 1900000000',
    `context.call.root == Taper::Agent::"${REFUND_DESK}"`,
    'context.call.issuer == "https://issuer.example" && context.call.chains == 2',
    'context.call.issuers == ["https://second.example", "https://issuer.example"]',
    `context.call.agents.containsAll([Taper::Agent::"${DEPLOYER}", Taper::Agent::"middle"])`,
    'context.call.depth == 2 && context.call.expiresAt == 1950000000',
    'context.call has tenant && context.call.tenant == "acme"',
    'context.call.purposes.contains("task-1")',
    'context.call.approvals.contains({ group: "finance", approver: "ada" })',
  ])('%s', (condition) => {
    expect(engineOf(sees(condition)).decide(input)).toMatchObject({ verdict: 'permit' });
    expect(engineOf(sees(`!(${condition})`)).decide(input)).toMatchObject({ verdict: 'deny' });
  });

  test('the tool, as the action', () => {
    const engine = createCedarEngine({
      policies: 'permit (principal, action == Action::"act", resource);',
      schema: `${action('n: Long')}\n${action('n: Long', 'other')}`,
    });
    expect(engine.decide(input)).toMatchObject({ verdict: 'permit' });
    expect(engine.decide({ ...input, tool: 'other' })).toMatchObject({
      verdict: 'deny',
      reasons: [],
    });
  });

  test('the adapter’s attributes, when they are asked for', () => {
    const schema = action('n: Long').replace(
      'arguments:',
      'attributes: { method: String }, arguments:',
    );
    const engine = createCedarEngine({
      policies: sees('context.attributes.method == "GET"'),
      schema,
      attributes: true,
    });
    const withAttributes = (attributes: JsonObject): PolicyInput => ({
      ...input,
      context: { ...input.context, attributes },
    });
    expect(engine.decide(withAttributes({ method: 'GET' }))).toMatchObject({ verdict: 'permit' });
    expect(engine.decide(withAttributes({ method: 'PUT' }))).toMatchObject({ verdict: 'deny' });
    expect(engine.decide(withAttributes({}))).toMatchObject({ verdict: 'deny' });
    expect(engine.decide(withAttributes({ method: null }))).toMatchObject({ verdict: 'deny' });
  });

  test('a resource with a type of the owner’s', () => {
    const schema = `entity Order = { open: Bool };\n${action('n: Long').replace('Taper::Resource', 'Order')}`;
    const engine = createCedarEngine({
      policies: sees('resource.open'),
      schema,
      entities: '[{"uid":{"type":"Order","id":"17"},"attrs":{"open":true},"parents":[]}]',
      resource: ({ resource }) => ({ type: 'Order', id: resource.slice('order/'.length) }),
    });
    expect(engine.decide(input)).toMatchObject({ verdict: 'permit' });
    // An order that is not among the entities has no attribute; the error denies.
    expect(engine.decide({ ...input, resource: 'order/18' })).toMatchObject({ verdict: 'deny' });
  });

  test('every entity that a policy can get at, however far away', () => {
    const schema = `entity Team; entity Person = { team: Team, boss?: Person } tags Person;\n${action('who: Person')}
      action "plain" appliesTo { principal: Taper::Agent, resource: Taper::Resource, context: { call: Taper::Call, arguments: {} } };`;
    const person = (id: string, more: object = {}) => ({
      uid: { type: 'Person', id },
      attrs: { team: { __entity: { type: 'Team', id: `team-of-${id}` } }, ...more },
      parents: [],
    });
    const ref = (id: string) => ({ type: 'Person', id });
    const entities = JSON.stringify([
      { ...person('a', { boss: ref('b') }), tags: { deputy: ref('c') } },
      person('b', { boss: ref('d') }),
      person('c'),
      person('d'),
      {
        uid: { type: 'Taper::Agent', id: HELPER },
        attrs: {},
        parents: [{ type: 'Taper::Role', id: 'x' }],
      },
      {
        uid: { type: 'Taper::Role', id: 'x' },
        attrs: {},
        parents: [{ type: 'Taper::Role', id: 'y' }],
      },
    ]);
    const forbids = (condition: string, tool: string) =>
      createCedarEngine({
        policies: `${ANY}\n@id("seen") forbid (principal, action == Action::"${tool}", resource) when { ${condition} };`,
        schema,
        entities,
      });
    const who = inputOf({ who: ref('a') });
    for (const condition of [
      'context.arguments.who.boss.boss.team == Team::"team-of-d"',
      'context.arguments.who.getTag("deputy").team == Team::"team-of-c"',
      'principal in Taper::Role::"y"',
    ]) {
      const guarded = condition
        .replace(
          /^context\.arguments\.who\.boss/,
          'context.arguments.who has boss && context.arguments.who.boss has boss && $&',
        )
        .replace(
          /^context\.arguments\.who\.getTag/,
          'context.arguments.who.hasTag("deputy") && $&',
        );
      expect(forbids(guarded, 'act').decide(who)).toMatchObject({
        verdict: 'deny',
        reasons: ['seen'],
      });
    }
    const plain = inputOf({}, { tool: 'plain' });
    const literal = 'Person::"b" has boss && Person::"b".boss.team == Team::"team-of-d"';
    expect(forbids(literal, 'plain').decide(plain)).toMatchObject({ reasons: ['seen'] });
  });
});

describe('an explanation', () => {
  test('says what keeps a call from being judged, and is empty where nothing does', () => {
    const limit =
      '@id("limit") forbid (principal, action, resource) when { context.arguments.n * 9223372036854775807 == 0 };';
    const engine = engineOf(`${ANY}\n${limit}`);
    expect(engine.explain(inputOf({ n: 1 }))).toEqual([]);
    expect(engine.explain(inputOf({ n: 'x' }))).toHaveLength(1);
    expect(engine.explain(inputOf({ n: null }))).toHaveLength(1);
    expect(engine.explain(inputOf({ n: 2 }))).toEqual([expect.stringMatching(/^limit: /)]);
  });
});

describe('loading', () => {
  test('Y04: policies taken apart decide as the whole text does, in their order and with their ids', () => {
    const text = Array.from(
      { length: 14 },
      (_, index) => `// Policy ${index}: "permit (principal" is not one.
        ${index === 12 ? '@id("twelve") ' : ''}${index % 5 === 4 ? 'forbid' : 'permit'} ( principal , action, resource )
          when { context.arguments.n == ${index} || // ;\n context.arguments.s like "*;${index}*" } unless { context.arguments.n == 13 && true };`,
    ).join('\n');
    const engine = engineOf(text, 'n: Long, s: String');
    for (let n = 0; n < 16; n++) {
      for (const s of ['', ';4', ';9 ;12', '*;0*']) {
        const whole = isAuthorized({
          principal: { type: 'Taper::Agent', id: HELPER },
          action: { type: 'Action', id: 'act' },
          resource: { type: 'Taper::Resource', id: 'act' },
          context: { arguments: { n, s } },
          policies: { staticPolicies: text },
          entities: [],
        });
        if (whole.type === 'failure') throw new Error('Cedar refused the request.');
        const { decision, diagnostics } = whole.response;
        expect(engine.decide(inputOf({ n, s }))).toMatchObject({
          verdict: decision === 'allow' ? 'permit' : 'deny',
          reasons: diagnostics.reason
            .map((id) => Number(id.slice('policy'.length)))
            .map((index) => (index === 12 ? 'twelve' : `policies#${index + 1}`))
            .sort(),
        });
      }
    }
  });

  test.each([
    ['a syntax error', `${ANY}\npermit (principal, action, resource)\n  whenever { true };`, 3],
    ['an unknown function', `permit (principal, action, resource) when {\n  send("x") };`, 2],
    [
      'an attribute that no call has',
      `${ANY}\nforbid (principal, action, resource) when { context.arguments.m == 1 };`,
      2,
    ],
    [
      'a comparison of two types',
      `// äöü\nforbid (principal, action, resource) when { context.arguments.n == "1" };`,
      2,
    ],
    [
      'an action that the schema does not declare',
      `\n\nforbid (principal, action == Action::"akt", resource);`,
      3,
    ],
    ['an unknown entity type', `permit (principal in Role::"x", action, resource);`, 1],
    [
      'an optional attribute without a check',
      'forbid (principal, action, resource)\nwhen { context.call.tenant == "x" };',
      2,
    ],
    [
      'a policy that can never apply',
      `${ANY}\nforbid (principal, action, resource) when { false };`,
      2,
    ],
    ['a template', 'permit (principal == ?principal, action, resource);', undefined],
  ])('Y02: refuses the whole set for %s, and says where', (_title, policies, line) => {
    const error = refused(() => engineOf(policies));
    expect(error).toMatchObject({ code: 'policy_invalid', file: 'policies', line });
    expect(error.hint).toBeTruthy();
  });

  test('Y02: refuses names with letters that only look like others', () => {
    const cyrillic = 'permit (principal in Taper::Role::"\u0430dmin", action, resource);';
    expect(refused(() => engineOf(cyrillic)).code).toBe('policy_invalid');
    expect(() => engineOf(cyrillic.replace('\u0430', 'a'))).not.toThrow();
  });

  test('Y03, X14: a policy cannot reach the network, a clock or code', () => {
    for (const call of ['http.send("x")', 'opa.runtime()', 'net.lookup("x")', 'eval("1")', 'now()'])
      expect(
        refused(() => engineOf(`${ANY}\nforbid (principal, action, resource) when { ${call} };`))
          .line,
      ).toBe(2);
  });

  test('Z03: refuses a set without a policy', () => {
    for (const policies of ['', '// later', []])
      expect(refused(() => createCedarEngine({ policies, schema: action('') })).code).toBe(
        'policy_invalid',
      );
  });

  test('refuses two policies with one id, within a file and across files', () => {
    const one = { name: 'one.cedar', text: `@id("x") ${ANY}` };
    const two = { name: 'two.cedar', text: `${ANY}\n@id("x") ${ANY}` };
    const same = { name: 'same.cedar', text: `@id("x") ${ANY}\n@id("x") ${ANY}` };
    expect(
      refused(() => createCedarEngine({ policies: [one, two], schema: action('') })),
    ).toMatchObject({ file: 'two.cedar', line: 2 });
    expect(
      refused(() => createCedarEngine({ policies: [same], schema: action('') })),
    ).toMatchObject({ file: 'same.cedar', line: 2 });
    expect(() => createCedarEngine({ policies: [one], schema: action('') })).not.toThrow();
  });

  test.each([
    ['no syntax', 'action "act" appliesTo {\n  nonsense };', 2],
    [
      'an unknown type',
      `${action('')}\naction "b" appliesTo { principal: Nobody, resource: Taper::Resource };`,
      2,
    ],
    ['the namespace Taper again', 'namespace Taper { entity Agent; }', undefined],
  ])('refuses a schema with %s, and says where', (_title, schema, line) => {
    expect(refused(() => createCedarEngine({ policies: ANY, schema }))).toMatchObject({
      code: 'policy_invalid',
      file: 'schema',
      ...(line === undefined ? {} : { line }),
    });
  });

  const agent = (attrs: string): string =>
    `{"uid":{"type":"Taper::Agent","id":"a"},"attrs":${attrs},"parents":[]}`;

  test.each([
    ['no JSON', '[\n}', 2],
    [
      'a member twice',
      '[{"uid":{"type":"Taper::Agent","id":"a"},\n"attrs":{},"attrs":{},"parents":[]}]',
      2,
    ],
    ['no list', '{}', undefined],
    ['no uid', '[{"attrs":{},"parents":[]}]', undefined],
    ['an attribute that the schema does not declare', `[${agent('{"x":1}')}]`, undefined],
    ['an unknown type', `[${agent('{}').replace('Agent', 'Agnet')}]`, undefined],
    ['an entity twice', `[${agent('{}')},${agent('{}')}]`, undefined],
  ])('refuses entities with %s', (_title, entities, line) => {
    expect(refused(() => engineOf(ANY, '', { entities }))).toMatchObject({
      code: 'policy_invalid',
      file: 'entities',
      line,
    });
    expect(() => engineOf(ANY, '', { entities: `[${agent('{}')}]` })).not.toThrow();
  });

  test('the version changes with every byte of policies, schema and entities, and with nothing else', () => {
    const entities = '[]';
    const version = (policies: string, args: string, more: Partial<CedarEngineOptions>): string =>
      engineOf(policies, args, more).policy.version;
    const versions = [
      version(ANY, 'n: Long', { entities }),
      version(`${ANY} `, 'n: Long', { entities }),
      version(ANY, 'n: Long ', { entities }),
      version(ANY, 'n: Long', { entities: '[ ]' }),
    ];
    expect(new Set(versions).size).toBe(versions.length);
    expect(version(ANY, 'n: Long', { entities, id: 'other' })).toBe(versions[0]);
    expect(version(ANY, 'n: Long', { version: '2026-01' })).toBe('2026-01');
    expect(versions[0]).toMatch(/^[\w-]{43}$/);
  });

  test.each([
    ['entites', '[]'],
    ['dryRun', true],
    ['mode', 'permissive'],
  ])(
    'Z03, Z04: refuses an option that there is not, such as a misspelt one or a trial run: %s',
    (name, value) => {
      expect(() => engineOf(ANY, '', { [name]: value })).toThrow(
        expect.objectContaining({ code: 'option_invalid' }),
      );
    },
  );

  test.each([
    ['policies', undefined],
    ['policies', [{ name: '', text: ANY }]],
    ['policies', [ANY]],
    ['schema', undefined],
    ['schema', 7],
    ['entities', []],
    ['entities', null],
    ['id', ''],
    ['version', 'a\nb'],
    ['version', ''],
    ['attributes', 'yes'],
    ['arguments', {}],
    ['resource', 'Order'],
    ['actionType', 1],
  ])('Z03: refuses a mistyped option: %s %j', (name, value) => {
    const options = { policies: ANY, schema: action(''), [name]: value };
    expect(() => createCedarEngine(options as unknown as CedarEngineOptions)).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
  });

  test('what was loaded and dropped never takes the place of what is in use', async () => {
    const { setFlagsFromString } = await import('node:v8');
    const { runInNewContext } = await import('node:vm');
    setFlagsFromString('--expose_gc');
    const collect = runInNewContext('gc') as () => void;
    const kept = engineOf(
      'permit (principal, action, resource) when { context.arguments.n == -1 };',
    );
    for (let index = 0; index < 30; index++) {
      engineOf(`permit (principal, action, resource) when { context.arguments.n == ${index} };`);
      collect();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(kept.decide(inputOf({ n: -1 }))).toMatchObject({ verdict: 'permit' });
    for (let n = 0; n < 30; n++)
      expect(kept.decide(inputOf({ n }))).toMatchObject({ verdict: 'deny' });
  });

  test('two sets in one process do not see each other', () => {
    const engines = Array.from({ length: 40 }, (_, index) =>
      engineOf(`permit (principal, action, resource) when { context.arguments.n == ${index} };`),
    );
    for (const [index, engine] of engines.entries()) {
      expect(engine.decide(inputOf({ n: index }))).toMatchObject({ verdict: 'permit' });
      expect(engine.decide(inputOf({ n: index + 1 }))).toMatchObject({ verdict: 'deny' });
    }
  });
});
