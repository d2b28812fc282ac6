import type { GrantSet } from '@taper/authority';
import type { JsonValue } from '@taper/core';
import { type AdministratorClient, resultOf } from '../authority-client/administrator-client.ts';
import { asGrants } from '../file/grants.ts';

/** The grants of an authority, as it answers. */
export interface RemoteGrants {
  /** 0 where none were applied. */
  readonly version: number;
  readonly set: GrantSet | undefined;
  readonly document: JsonValue | undefined;
  /** Seconds since the epoch. */
  readonly appliedAt: number | undefined;
  readonly appliedBy: string | undefined;
}

/** Fetches the grants in force, or those of an earlier version. @throws {Failure} `server_refused`, `server_answer_invalid`, `grants_malformed`. */
export async function fetchGrants(
  client: AdministratorClient,
  version?: number,
): Promise<RemoteGrants> {
  const found = resultOf(
    await client.GET('/admin/grants', {
      params: { query: version === undefined ? {} : { version: String(version) } },
    }),
  );
  const document = found.document as JsonValue | undefined;
  return {
    version: found.version,
    set: document === undefined ? undefined : asGrants(document, 'the answer of the authority'),
    document,
    appliedAt: found.applied_at,
    appliedBy: found.applied_by,
  };
}

/** Applies grants in place of those of a version. @returns the version that they have. @throws {Failure} `server_refused` with `grant_conflict`. */
export async function applyGrants(
  client: AdministratorClient,
  set: GrantSet,
  expected: number,
): Promise<number> {
  const applied = resultOf(
    await client.PUT('/admin/grants', {
      params: { query: { expected: String(expected) } },
      body: JSON.parse(set.document),
      // What is proved is the hash of these very bytes.
      bodySerializer: () => set.document,
    }),
  );
  return applied.version;
}
