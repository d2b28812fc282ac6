import {
  checkParsePolicySet,
  type DetailedError,
  type PolicyJson,
  policySetTextToParts,
  policyToJson,
  type Schema,
  validate,
} from '@cedar-policy/cedar-wasm/nodejs';
import type { ApprovalRequirement } from '../../port/policy-engine.ts';
import { PolicyLoadError, placeOf } from '../load-error.ts';
import { approvalOf } from './annotation.ts';

/** A text and how to call it in errors: usually its file name. */
export interface NamedText {
  readonly name: string;
  readonly text: string;
}

/** One policy: a single `permit` or `forbid`. */
export interface CedarPolicy {
  /** What `@id` says, or the text's name and the policy's number in it: `deploy.cedar#2`. */
  readonly id: string;
  readonly text: string;
  readonly json: PolicyJson;
  /** What its `@approval` asks for. */
  readonly approval: ApprovalRequirement | undefined;
}

/**
 * Reads policies and checks them strictly against the schema. A warning of Cedar's validator refuses as well: it tells of a policy
 * that can never apply, or of a name with letters that only look like others.
 *
 * @throws {PolicyLoadError} with the place of the first problem.
 */
export function readPolicies(
  sources: readonly NamedText[],
  schema: Schema,
): ReadonlyMap<string, CedarPolicy> {
  const policies = new Map<string, CedarPolicy>();
  for (const source of sources) {
    const parts = split(source);
    const ids = parts.map(({ policy: { id } }) => id);
    validateAll(source, schema, ids);
    for (const { policy, offset } of parts) {
      if (policies.has(policy.id)) {
        throw new PolicyLoadError(
          placeOf(source.name, source.text, offset),
          `There are two policies ${JSON.stringify(policy.id)}.`,
          { hint: 'Give each policy an `@id` of its own.' },
        );
      }
      policies.set(policy.id, policy);
    }
  }
  if (policies.size === 0)
    throw new PolicyLoadError({ file: sources[0]?.name ?? 'policies' }, 'There is no policy.', {
      hint: 'Without a `permit`, every call is denied. Write at least one policy.',
    });
  return policies;
}

function split(source: NamedText): readonly { policy: CedarPolicy; offset: number | undefined }[] {
  const { name, text } = source;
  const parsed = checkParsePolicySet({ staticPolicies: text });
  if (parsed.type === 'failure') throw problem(source, parsed.errors[0]);
  const parts = policySetTextToParts(text);
  if (parts.type === 'failure') throw problem(source, parts.errors[0]);
  if (parts.policy_templates.length > 0) {
    throw new PolicyLoadError(
      { file: name },
      'A policy with a slot (`?principal`) is a template.',
      {
        hint: 'Templates are not supported: name the role or the resource in the policy.',
      },
    );
  }
  // Cedar calls them policy0, policy1, … in the order of the text, and gives them in the order of these names as text.
  const order = parts.policies.map((_, index) => index).sort(byCedarName);
  const inOrder = order.map((_, index) => parts.policies[order.indexOf(index)] as string);
  let searched = 0;
  return inOrder.map((part, index) => {
    const at = text.indexOf(part, searched);
    if (at >= 0) searched = at + part.length;
    const offset = at < 0 ? undefined : Buffer.byteLength(text.slice(0, at));
    const json = policyToJson(part);
    if (json.type === 'failure') throw problem(source, json.errors[0]);
    return { policy: read(part, json.json, `${name}#${index + 1}`, source, offset), offset };
  });
}

function byCedarName(one: number, other: number): number {
  return `policy${one}` < `policy${other}` ? -1 : 1;
}

function read(
  text: string,
  json: PolicyJson,
  usualId: string,
  source: NamedText,
  offset: number | undefined,
): CedarPolicy {
  const { id = usualId } = json.annotations ?? {};
  const refuse = (message: string, hint: string): never => {
    throw new PolicyLoadError(placeOf(source.name, source.text, offset), message, { hint });
  };
  if (typeof id !== 'string' || !/^[^\p{C}\p{Z}]{1,256}$/u.test(id))
    return refuse('`@id` must be 1 to 256 visible characters.', 'Such as @id("deployers-deploy").');
  return { id, text, json, approval: approvalOf(json, refuse) };
}

function validateAll(source: NamedText, schema: Schema, ids: readonly string[]): void {
  const answer = validate({
    validationSettings: { mode: 'strict' },
    schema,
    policies: { staticPolicies: source.text },
  });
  if (answer.type === 'failure') throw problem(source, answer.errors[0]);
  const [first, ...more] = [...answer.validationErrors, ...answer.validationWarnings];
  if (first !== undefined) {
    const id = ids[Number(first.policyId.slice('policy'.length))] ?? first.policyId;
    throw problem(source, first.error, { from: first.policyId, to: id, more: more.length });
  }
  if (answer.otherWarnings.length > 0) throw problem(source, answer.otherWarnings[0]);
}

function problem(
  source: NamedText,
  error: DetailedError | undefined,
  policy?: { from: string; to: string; more: number },
): PolicyLoadError {
  const message = error?.message ?? 'Not accepted by Cedar.';
  const [label] = error?.sourceLocations ?? [];
  return new PolicyLoadError(
    placeOf(source.name, source.text, label?.start),
    (policy === undefined ? message : message.replace(policy.from, policy.to)) +
      (label?.label ? `, ${label.label}` : '') +
      (policy === undefined || policy.more === 0 ? '' : ` (and ${policy.more} more)`),
    {
      hint: error?.help ?? 'See docs/policy.md: every policy must fit the schema.',
    },
  );
}
