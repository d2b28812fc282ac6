import { isJsonObject, type JsonValue, parseJson, TaperError } from '@taper/core';
import type { AuthorityTransaction } from '../port/store.ts';

/** Somebody who may administer the authority. */
export interface Administrator {
  /** Unique, for good. */
  readonly name: string;
  /** The one tenant that may be administered; absent: all of them. */
  readonly tenant?: string;
  /** RFC 7638, of the key that the administrator's root token is bound to. */
  readonly thumbprint: string;
  /** Seconds since the epoch. */
  readonly addedAt: number;
  /** When the right was taken away, for good. */
  readonly removedAt?: number;
}

const SETTING = 'administrators';

/** All that there are and were, in the order in which they were added. @throws {TaperError} `store_unusable`. */
export async function readAdministrators(
  tx: AuthorityTransaction,
): Promise<readonly Administrator[]> {
  const text = await tx.findSetting(SETTING);
  if (text === undefined) return [];
  const parsed = parseJson(text);
  const list =
    parsed.ok && Array.isArray(parsed.value) ? parsed.value.map(readRecord) : [undefined];
  if (list.includes(undefined))
    throw new TaperError('store_unusable', 'The list of administrators in the store is damaged.', {
      hint: 'Restore the store from its backup. Nobody is let in meanwhile.',
    });
  return list as Administrator[];
}

export async function writeAdministrators(
  tx: AuthorityTransaction,
  list: readonly Administrator[],
): Promise<void> {
  await tx.putSetting(SETTING, JSON.stringify(list));
}

function readRecord(value: JsonValue): Administrator | undefined {
  if (!isJsonObject(value)) return undefined;
  const { name, tenant, thumbprint, addedAt, removedAt } = value;
  if (typeof name !== 'string' || typeof thumbprint !== 'string') return undefined;
  if (!Number.isSafeInteger(addedAt)) return undefined;
  if (tenant !== undefined && typeof tenant !== 'string') return undefined;
  if (removedAt !== undefined && !Number.isSafeInteger(removedAt)) return undefined;
  return value as unknown as Administrator;
}
