import { isBoundedText, isTime } from '../approval/shape.ts';
import { isStrictBase64url } from '../base64url.ts';
import { isJsonObject, type JsonValue } from '../json.ts';

/** What is taken back (spec/revocation.md section 2). Hashes are base64url SHA-256, times seconds since the epoch. */
export type RevocationTarget =
  /** A token with all that was derived from it; `root` is the hash of the root of its chain, its own where it is one. */
  | { readonly kind: 'token'; readonly token: string; readonly root: string }
  /** Every chain on which the key with this thumbprint is holder or anchor. */
  | { readonly kind: 'key'; readonly key: string }
  /** All keys of an agent, ascending by code unit. */
  | { readonly kind: 'agent'; readonly agent: string; readonly keys: readonly string[] }
  /** Every chain of a tenant with a token whose `iat` is less. */
  | { readonly kind: 'tenant'; readonly tenant: string; readonly issued_before: number };

/** Why; it decides nothing. */
export type RevocationReason =
  | 'unspecified'
  | 'key_compromised'
  | 'agent_compromised'
  | 'authority_withdrawn'
  | 'policy_violated'
  | 'superseded'
  | 'task_ended';

export const REVOCATION_REASONS: readonly RevocationReason[] = Object.freeze([
  'unspecified',
  'key_compromised',
  'agent_compromised',
  'authority_withdrawn',
  'policy_violated',
  'superseded',
  'task_ended',
]);

/** Most keys that one entry revokes as those of an agent. */
export const MAX_AGENT_KEYS = 256;

/** UTF-16 code units of the name of an agent or a tenant. */
const MAX_NAME = 256;

export function isRevocationReason(value: unknown): value is RevocationReason {
  return (REVOCATION_REASONS as readonly unknown[]).includes(value);
}

/** Reads a target with exactly the members of its kind, as a frozen copy; `undefined` for anything else. */
export function readTarget(value: JsonValue | undefined): RevocationTarget | undefined {
  if (!isJsonObject(value)) return undefined;
  const members = Object.keys(value).sort().join();
  switch (value['kind']) {
    case 'token': {
      const { token, root } = value;
      if (members !== 'kind,root,token' || !isHashText(token) || !isHashText(root))
        return undefined;
      return Object.freeze({ kind: 'token', token, root });
    }
    case 'key': {
      const { key } = value;
      if (members !== 'key,kind' || !isHashText(key)) return undefined;
      return Object.freeze({ kind: 'key', key });
    }
    case 'agent': {
      const { agent, keys } = value;
      if (members !== 'agent,keys,kind' || !isName(agent) || !isKeyList(keys)) return undefined;
      return Object.freeze({ kind: 'agent', agent, keys: Object.freeze([...keys]) });
    }
    case 'tenant': {
      const { tenant, issued_before: before } = value;
      if (members !== 'issued_before,kind,tenant' || !isName(tenant) || !isTime(before))
        return undefined;
      return Object.freeze({ kind: 'tenant', tenant, issued_before: before });
    }
    default:
      return undefined;
  }
}

/** Whether two targets say the same. */
export function isSameTarget(first: RevocationTarget, second: RevocationTarget): boolean {
  return targetText(first) === targetText(second);
}

/** A text that only the same target has. */
function targetText(target: RevocationTarget): string {
  switch (target.kind) {
    case 'token':
      return `token ${target.token} ${target.root}`;
    case 'key':
      return `key ${target.key}`;
    case 'agent':
      return `agent ${target.keys.join()} ${target.agent}`;
    case 'tenant':
      return `tenant ${target.issued_before} ${target.tenant}`;
  }
}

/** The one spelling of 32 bytes in base64url: another would name the same token and not be found. */
export function isHashText(value: unknown): value is string {
  return typeof value === 'string' && value.length === 43 && isStrictBase64url(value);
}

function isName(value: JsonValue | undefined): value is string {
  return isBoundedText(value, MAX_NAME) && value.isWellFormed() && !/\p{Cc}/u.test(value);
}

function isKeyList(value: JsonValue | undefined): value is readonly string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_AGENT_KEYS) return false;
  return value.every(
    (key, at) => isHashText(key) && (at === 0 || (value[at - 1] as string) < (key as string)),
  );
}
