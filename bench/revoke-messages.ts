// What the processes of soak-revocation.ts tell each other. Times are nanoseconds of the machine's monotonic clock, as text.
import type { generateKeyPair, PublicJwk } from '@taper/core';

export type PrivateJwk = ReturnType<typeof generateKeyPair>['privateJwk'];

export const ORIGIN = 'auth.example.com/revocation';
export const AUDIENCE = 'https://tools.example.com';
export const ISSUER = 'https://auth.example.com';
export const TOOL = 'orders.read';

/** What the service is given. */
export interface ServiceTask {
  readonly folder: string;
  readonly logKey: PrivateJwk;
  readonly authorityKey: PrivateJwk;
  readonly anchor: PublicJwk;
}

export interface ServiceReady {
  readonly url: string;
  /** Where a byte is waited for that is pushed without anything around it. */
  readonly barePort: number;
}

/** `push`: makes some bytes durable, then sends one to everybody who waits; answers when it began. `cut`: what is pushed is lost from now on, and nobody is told. */
export type ServiceOrder = 'push' | 'cut';

/** What an enforcement point is given. */
export interface PointTask extends ServiceReady {
  /** Verifier key of the log. */
  readonly logKey: string;
  readonly authority: PublicJwk;
  readonly anchor: PublicJwk;
  /** Of the agent that calls: the point calls itself. */
  readonly agentKey: PrivateJwk;
  readonly pollInterval: number;
  /** Milliseconds between two calls of a chain that nobody revokes. */
  readonly pause: number;
  readonly chain: readonly string[];
}

/** `expect`: these chains will be revoked, one by one. */
export type PointOrder =
  | { readonly kind: 'expect'; readonly chains: readonly (readonly string[])[] }
  | { readonly kind: 'status' };

export type PointMessage =
  | { readonly kind: 'ready' }
  /** All of the chains that are expected to be revoked were permitted a call. */
  | { readonly kind: 'expecting' }
  | { readonly kind: 'bare'; readonly at: string }
  /** A call of the chain whose leaf has this hash was denied for the first time. */
  | { readonly kind: 'denied'; readonly leaf: string; readonly at: string; readonly code: string }
  /** A call of the chain that nobody revokes was denied. */
  | { readonly kind: 'refused'; readonly at: string; readonly code: string }
  | { readonly kind: 'status'; readonly status: PointStatus };

export interface PointStatus {
  readonly pushed: boolean;
  /** Calls of the chain that nobody revokes, by what became of them. */
  readonly calls: Readonly<Record<string, number>>;
  /** Everybody that was asked anything over the network, by its host. */
  readonly asked: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

/** What an agent is given: a chain that ends with it, as compact tokens, to be handed on. */
export interface AgentOrder {
  readonly chains: readonly (readonly string[])[];
  readonly to: PublicJwk;
  readonly anchor: PublicJwk;
}

export type AgentMessage =
  | { readonly kind: 'ready'; readonly key: PublicJwk; readonly port: number }
  | { readonly kind: 'derived'; readonly chains: readonly (readonly string[])[] }
  | { readonly kind: 'asked'; readonly connections: number };

export function monotonic(): string {
  return process.hrtime.bigint().toString();
}
