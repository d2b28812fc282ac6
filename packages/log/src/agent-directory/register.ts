import type { JsonObject, JsonValue, VerifiedAuthorityEntry } from '@taper/core';
import { readReplacedKey } from '../revocation-view/replaced-key.ts';

export type AgentState = 'active' | 'suspended' | 'retired';

/** An agent, as the authority's log has it. */
export interface RegisteredAgent {
  /** SPIFFE ID. */
  readonly id: string;
  readonly tenant: string;
  readonly state: AgentState;
}

/** Whom a tenant allows, or blocks. */
export type PeerRule = 'allow' | 'block';

/** One fact of a register, with the number of the entry that it comes from: of two about one thing the later counts. */
export type RegisterFact =
  | readonly ['agent', id: string, tenant: string, state: AgentState, sequence: number]
  | readonly ['key', thumbprint: string, agent: string, sequence: number]
  | readonly ['replaced', thumbprint: string, until: number, sequence: number]
  | readonly ['peer', tenant: string, agent: string, rule: PeerRule | 'none', sequence: number];

/** The entries of the authority's log that say who the agents are (spec/authority-log.md). */
export const DIRECTORY_EVENTS: ReadonlySet<string> = new Set([
  'agent.enrolled',
  'agent.suspended',
  'agent.resumed',
  'agent.retired',
  'agent.key_rotated',
  'peer.allowed',
  'peer.blocked',
  'peer.removed',
]);

/**
 * All agents, their keys and what tenants say of them: a function of the entries it has seen, whatever their order, and however often.
 * It does not ask whether they are all there are; whoever reads a log does.
 */
export interface AgentRegister {
  readonly agents: number;
  /** @returns whether it was understood. An entry that is not, from a later version of Taper or a broken authority, must end trust in the register. */
  apply(entry: VerifiedAuthorityEntry): boolean;
  /** Takes in a fact of a snapshot. @returns whether it is one. */
  restore(fact: JsonValue): boolean;
  facts(): Iterable<RegisterFact>;
  agentOfKey(thumbprint: string): RegisteredAgent | undefined;
  /** The first second since the epoch at which a key that was replaced may no longer act; `undefined` for any other key. */
  replacedFrom(thumbprint: string): number | undefined;
  agent(id: string): RegisteredAgent | undefined;
  rule(tenant: string, agent: string): PeerRule | undefined;
}

interface AgentFact extends RegisteredAgent {
  readonly sequence: number;
}

export function createAgentRegister(): AgentRegister {
  const agents = new Map<string, AgentFact>();
  const keys = new Map<string, { readonly agent: string; readonly sequence: number }>();
  const replaced = new Map<string, { readonly until: number; readonly sequence: number }>();
  /** By tenant, by agent. */
  const peers = new Map<
    string,
    Map<string, { readonly rule: PeerRule | 'none'; readonly sequence: number }>
  >();

  function setAgent(id: string, tenant: string, state: AgentState, sequence: number): void {
    const known = agents.get(id);
    if (known === undefined || known.sequence < sequence)
      agents.set(id, Object.freeze({ id, tenant, state, sequence }));
  }

  function setKey(key: string, agent: string, sequence: number): void {
    const known = keys.get(key);
    if (known === undefined || known.sequence < sequence) keys.set(key, { agent, sequence });
  }

  /** A key is replaced once; were it told of twice, the earlier end would count. */
  function setReplaced(key: string, until: number, sequence: number): void {
    const known = replaced.get(key);
    if (
      known === undefined ||
      until < known.until ||
      (until === known.until && sequence < known.sequence)
    )
      replaced.set(key, { until, sequence });
  }

  function setPeer(tenant: string, agent: string, rule: PeerRule | 'none', sequence: number): void {
    const rules = peers.get(tenant) ?? new Map();
    peers.set(tenant, rules);
    const known = rules.get(agent);
    if (known === undefined || known.sequence < sequence) rules.set(agent, { rule, sequence });
  }

  return Object.freeze<AgentRegister>({
    get agents() {
      return agents.size;
    },
    apply({ event, tenant, subject, details, sequence }) {
      if (!DIRECTORY_EVENTS.has(event)) return true;
      const id = textIn(subject, 'spiffe_id');
      if (tenant === undefined || id === undefined) return false;
      switch (event) {
        case 'agent.enrolled': {
          const key = textIn(details, 'key');
          if (key === undefined) return false;
          setAgent(id, tenant, 'active', sequence);
          setKey(key, id, sequence);
          return true;
        }
        case 'agent.key_rotated': {
          const key = textIn(details, 'key');
          const old = readReplacedKey(details);
          if (key === undefined || old === undefined) return false;
          setKey(key, id, sequence);
          setReplaced(old.key, old.oldUntil, sequence);
          return true;
        }
        case 'agent.suspended':
          setAgent(id, tenant, 'suspended', sequence);
          return true;
        case 'agent.resumed':
          setAgent(id, tenant, 'active', sequence);
          return true;
        case 'agent.retired':
          setAgent(id, tenant, 'retired', sequence);
          return true;
        case 'peer.allowed':
          setPeer(tenant, id, 'allow', sequence);
          return true;
        case 'peer.blocked':
          setPeer(tenant, id, 'block', sequence);
          return true;
        case 'peer.removed':
          setPeer(tenant, id, 'none', sequence);
          return true;
        default:
          return false;
      }
    },
    restore(fact) {
      if (!Array.isArray(fact)) return false;
      const [kind, ...rest] = fact as readonly JsonValue[];
      const sequence = rest.at(-1);
      if (kind === 'replaced') {
        const [key, until] = rest;
        if (rest.length !== 3 || typeof key !== 'string' || !isTime(until) || !isSequence(sequence))
          return false;
        setReplaced(key, until, sequence);
        return true;
      }
      const texts = rest.slice(0, -1);
      if (!isSequence(sequence) || !texts.every((text) => typeof text === 'string')) return false;
      const [first = '', second = '', third = ''] = texts as readonly string[];
      if (kind === 'agent' && texts.length === 3 && isState(third)) {
        setAgent(first, second, third, sequence);
        return true;
      }
      if (kind === 'key' && texts.length === 2) {
        setKey(first, second, sequence);
        return true;
      }
      if (kind === 'peer' && texts.length === 3 && isRule(third)) {
        setPeer(first, second, third, sequence);
        return true;
      }
      return false;
    },
    *facts() {
      for (const { id, tenant, state, sequence } of agents.values())
        yield ['agent', id, tenant, state, sequence];
      for (const [key, { agent, sequence }] of keys) yield ['key', key, agent, sequence];
      for (const [key, { until, sequence }] of replaced) yield ['replaced', key, until, sequence];
      for (const [tenant, rules] of peers)
        for (const [agent, { rule, sequence }] of rules)
          yield ['peer', tenant, agent, rule, sequence];
    },
    agentOfKey(thumbprint) {
      const key = keys.get(thumbprint);
      return key === undefined ? undefined : agents.get(key.agent);
    },
    replacedFrom: (thumbprint) => replaced.get(thumbprint)?.until,
    agent: (id) => agents.get(id),
    rule(tenant, agent) {
      const rule = peers.get(tenant)?.get(agent)?.rule;
      return rule === 'none' ? undefined : rule;
    },
  });
}

function textIn(object: JsonObject, name: string): string | undefined {
  const value = Object.hasOwn(object, name) ? object[name] : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function isTime(value: JsonValue | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSequence(value: JsonValue | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function isState(value: string): value is AgentState {
  return value === 'active' || value === 'suspended' || value === 'retired';
}

function isRule(value: string): value is PeerRule | 'none' {
  return value === 'allow' || value === 'block' || value === 'none';
}
