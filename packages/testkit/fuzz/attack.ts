import type { JsonObject, JsonValue } from '@taper/core';
import {
  type Call,
  canonicalText,
  detailsOf,
  forge,
  handOver,
  type IssuedToken,
  issueToken,
  type Part,
  type Random,
  type TestKey,
  type ToolMaps,
  tokenHash,
  tokenHeader,
  toolsIn,
} from '../src/index.ts';
import type { Family } from './family.ts';

/**
 * What must come of an attempt: `deny` and `accept` are known from how it was made, `judge` leaves it to the judge,
 * for whom an acceptance is right as long as nothing was gained by it.
 */
export type Expectation = 'deny' | 'accept' | 'judge';

/** Something to present. */
export interface Attempt {
  readonly expect: Expectation;
  readonly chain: readonly string[];
  /** The key of the hop that the attacker holds; default that of the attack at hand. */
  readonly by?: TestKey;
  /** When it is presented; default the family's time. */
  readonly now?: number;
  /** A call with its proof; without one, only the chain is judged. `args` may be the text as sent. */
  readonly invocation?: {
    readonly tool: string;
    readonly args: JsonObject | string;
    readonly proof: string;
  };
  /** Calls to judge beside random ones, if the chain should be accepted. */
  readonly witnesses?: readonly Call[];
  /** Keys used beyond those of the attacker's hop and Mallory's, where the attack supposes a worse attacker. */
  readonly alsoHolds?: readonly TestKey[];
}

/** An operator: makes an attempt, or nothing where the chain at hand offers no occasion. */
export interface Operator {
  readonly name: string;
  /** How often it is drawn: more where an occasion is rare, or where there is much to get wrong. */
  readonly weight: number;
  readonly make: (attack: Attack) => Attempt | undefined;
}

/** A malicious holder at one hop: holds that hop's private key and fresh ones, sees all that was ever signed. */
export class Attack {
  readonly family: Family;
  readonly random: Random;
  /** The attacker holds the key of this token, and forges everything after it. */
  readonly hop: number;
  readonly parent: IssuedToken;
  /** The attacker's key at the hop. */
  readonly key: TestKey;
  /** The holder of what the attacker forges, unless said otherwise. */
  readonly own: TestKey;
  readonly id: string;

  /** At a hop that is drawn among those that may be delegated further, or at a given one. */
  constructor(family: Family, random: Random, parent?: IssuedToken) {
    this.family = family;
    this.random = random;
    const withRoom = family.chain.filter((token) => hasRoom(token));
    this.parent = parent ?? random.pick(withRoom.length > 0 ? withRoom : family.chain);
    this.hop = family.chain.indexOf(this.parent);
    this.key = this.parent.holder;
    this.own = family.mallory.own;
    this.id = `m-${random.u32()}`;
  }

  /** Tokens from the root to the attacker's own. */
  get prefix(): readonly IssuedToken[] {
    return this.family.chain.slice(0, this.hop + 1);
  }

  get compacts(): readonly string[] {
    return this.family.chain.map(({ compact }) => compact);
  }

  /** Whether the attacker's token may be delegated at all. */
  get hasRoom(): boolean {
    return hasRoom(this.parent);
  }

  get tools(): ToolMaps {
    return toolsOf(this.parent);
  }

  /** Claims of a valid child, with some changed; those that are undefined are left out. */
  claims(changes: Readonly<Record<string, unknown>> = {}): JsonObject {
    const claims = { ...handOver(this.parent, this.own, this.id), ...changes };
    return Object.fromEntries(
      Object.entries(claims).filter(([, value]) => value !== undefined),
    ) as JsonObject;
  }

  /** Presents the prefix and one forged child, sometimes with further hops below it. */
  child(
    expect: Expectation,
    changes: Readonly<Record<string, unknown>> = {},
    extras: Partial<Attempt> = {},
  ): Attempt | undefined {
    if (!this.hasRoom) return undefined;
    const child = issueToken(this.claims(changes), this.key, this.own, this.parent);
    return { expect, chain: this.below(child), by: this.key, ...extras };
  }

  /** Presents the prefix and a child that grants `tools`. */
  childWithTools(
    expect: Expectation,
    tools: ToolMaps,
    witnesses: readonly Call[] = [],
  ): Attempt | undefined {
    return this.child(expect, { authorization_details: detailsOf(tools) }, { witnesses });
  }

  /** The prefix, the forged child, and now and then valid hops below it. */
  below(child: IssuedToken): string[] {
    const chain = [...this.prefix.map(({ compact }) => compact), child.compact];
    let last = child;
    while (this.random.chance(0.15) && hasRoom(last)) {
      last = issueToken(
        handOver(last, this.own, `${this.id}-${chain.length}`),
        this.own,
        this.own,
        last,
      );
      chain.push(last.compact);
    }
    return chain;
  }

  /** Presents the prefix and a child whose payload is this text. */
  childText(expect: Expectation, payload: Part, header?: Part): Attempt | undefined {
    if (!this.hasRoom) return undefined;
    return this.presented(
      expect,
      forge({ header: header ?? tokenHeader(this.key), payload, signature: this.key }),
    );
  }

  /** The prefix and one more compact text. */
  presented(expect: Expectation, compact: string): Attempt {
    const above = this.prefix.map((token) => token.compact);
    return { expect, chain: [...above, compact], by: this.key };
  }

  /** Claims text in which the member has this text for a value. */
  claimsText(
    member: string,
    valueText: string,
    changes: Readonly<Record<string, unknown>> = {},
  ): string {
    return canonicalText(this.claims({ ...changes, [member]: '@' })).replace(
      `"${member}":"@"`,
      () => `"${member}":${valueText}`,
    );
  }
}

export function toolsOf(token: IssuedToken): ToolMaps {
  return (toolsIn(token.payload) ?? {}) as unknown as ToolMaps;
}

/** Whether a holder of the token may derive from it. */
function hasRoom({ payload }: IssuedToken): boolean {
  const { del_depth: depth, del_max_depth: deepest } = payload;
  return typeof depth === 'number' && typeof deepest === 'number' && depth < Math.min(deepest, 8);
}

/** A token made from a forged compact text, so that more can be derived from it. */
export function asIssued(
  compact: string,
  payload: JsonObject,
  signer: TestKey,
  holder: TestKey,
  parent: IssuedToken,
): IssuedToken {
  return { compact, hash: tokenHash(compact), payload, signer, holder, parent };
}

/** One constraint of a token's tools. */
export interface Site {
  readonly tool: string;
  readonly argument: string;
  readonly constraint: JsonObject;
}

export function sitesOf(tools: ToolMaps): Site[] {
  return Object.entries(tools).flatMap(([tool, map]) =>
    Object.entries(map)
      .filter(([argument]) => argument !== '*')
      .map(([argument, constraint]) => ({ tool, argument, constraint })),
  );
}

/** A constraint that is wanted, anywhere in the chain, and the attack by whoever could put another in its place. */
export function attackAt(
  { family, random }: Attack,
  wanted: (constraint: JsonObject) => boolean,
): { readonly site: Site; readonly attack: Attack } | undefined {
  const found = family.chain.filter(hasRoom).flatMap((token) =>
    sitesOf(toolsOf(token))
      .filter(({ constraint }) => wanted(constraint))
      .map((site) => ({ site, token })),
  );
  if (found.length === 0) return undefined;
  const { site, token } = random.pick(found);
  return { site, attack: new Attack(family, random, token) };
}

/** Whether a constraint is of one of the types; for {@link attackAt}. */
export function ofType(...types: readonly string[]): (constraint: JsonObject) => boolean {
  return (constraint) => types.includes(constraint['constraint_type'] as string);
}

/** The tools with one constraint put in another's place. */
export function withConstraint(tools: ToolMaps, site: Site, constraint: JsonObject): ToolMaps {
  return withMap(tools, site.tool, { ...tools[site.tool], [site.argument]: constraint });
}

export function withMap(
  tools: ToolMaps,
  tool: string,
  map: Readonly<Record<string, JsonObject>>,
): ToolMaps {
  return { ...tools, [tool]: map };
}

/** Whether a constraint map allows arguments that it does not name. */
export function isOpen(map: Readonly<Record<string, JsonObject>>): boolean {
  return Object.hasOwn(map, '*') || Object.keys(map).length === 0;
}

export function operator(name: string, make: Operator['make'], weight: number = 1): Operator {
  return { name, weight, make };
}

export const WILDCARD: JsonObject = { constraint_type: 'wildcard' };

export function exactly(value: JsonValue): JsonObject {
  return { constraint_type: 'exact', value };
}
