import { randomBytes } from 'node:crypto';
import type { JsonObject, JsonValue, ToolMap } from '@taper/core';
import { type TestKey, testKey } from '@taper/testkit';
import { createGrants, type Grants } from '../../src/grant/grants.ts';
import {
  createIssuance,
  type Issuance,
  type IssuanceOptions,
} from '../../src/issuance/issuance.ts';
import type { RootRequest } from '../../src/issuance/request.ts';
import { documentOf, grantText } from '../grant/document.ts';
import {
  BY,
  enrolled,
  ISSUER,
  rootKey,
  type TestAuthority,
  testAuthority,
} from '../identity/authority.ts';

export const range = (max: number, min = 0): JsonObject => ({ constraint_type: 'range', min, max });

/** `authorization_details` that ask for these tools. */
export function asking(tools: ToolMap): JsonValue {
  return [{ type: 'attenuating_agent_token', tools }];
}

export interface Desk extends TestAuthority {
  readonly grants: Grants;
  readonly issuance: Issuance;
  readonly key: TestKey;
  /** A request of the agent `desk` for a refund of at most 50, with changes. */
  request(changes?: Partial<RootRequest>): RootRequest;
  /** Applies these grants in place of all others. */
  apply(...grants: readonly JsonObject[]): Promise<void>;
  /** Bodies of entries about this event. */
  logged(event: string): Promise<readonly JsonObject[]>;
  /** Another issuer on the same store. */
  issuing(options: Partial<IssuanceOptions>): Issuance;
}

/** An authority with the agent `desk` and one grant, with changes. */
export async function openDesk(
  grant: Readonly<Record<string, unknown>> = {},
  options: Partial<IssuanceOptions> = {},
): Promise<Desk> {
  const authority = testAuthority();
  const { store, clock } = authority;
  const key = await enrolled(authority, 'desk', testKey('desk'));
  const agent = (await store.read((tx) => tx.findAgentByName('acme', 'desk')))?.id as string;
  const grants = createGrants({ store, clock: clock.now });
  const issuing = (more: Partial<IssuanceOptions>): Issuance =>
    createIssuance({
      store,
      issuer: ISSUER,
      root: rootKey.signer,
      clock: clock.now,
      random: (length) => new Uint8Array(randomBytes(length)),
      ...options,
      ...more,
    });
  const desk: Desk = {
    ...authority,
    grants,
    issuance: issuing({}),
    key,
    request: (changes = {}) => ({
      agent,
      holder: key.publicKey,
      details: asking({ refund: { amount: range(50) } }),
      ...changes,
    }),
    async apply(...texts) {
      const version = (await grants.current())?.version ?? 0;
      await grants.apply(documentOf(...texts), version, BY);
    },
    async logged(event) {
      return (await authority.entries()).filter((entry) => entry['event'] === event);
    },
    issuing,
  };
  await desk.apply(grantText(grant));
  return desk;
}
