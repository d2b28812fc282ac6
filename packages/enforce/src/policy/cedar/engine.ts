import { createHash } from 'node:crypto';
import {
  checkParseSchema,
  type EntityJson,
  type Response,
  statefulIsAuthorized,
} from '@cedar-policy/cedar-wasm/nodejs';
import { canonicalize, type JsonObject, TaperError } from '@taper/core';
import type { PolicyDecision, PolicyInput } from '../../port/policy-engine.ts';
import { PolicyLoadError, placeOf } from '../load-error.ts';
import type { LoadedPolicyEngine } from '../loaded-engine.ts';
import { joinRequirements } from '../requirement.ts';
import { CEDAR_BASE_SCHEMA } from './base-schema.ts';
import { readEntities } from './entities.ts';
import { type NamedText, readPolicies } from './policies.ts';
import { preparse } from './preparsed.ts';
import { type CedarEntityName, type CedarRequest, cedarRequest } from './request.ts';

export interface CedarEngineOptions {
  /** The policies, in Cedar's language. Templates are refused. */
  readonly policies: string | readonly NamedText[];
  /** The actions, one for each tool, and entity types of your own, in Cedar's schema language. {@link CEDAR_BASE_SCHEMA} is added to it. */
  readonly schema: string | NamedText;
  /** Who has which role, and what else policies look at: Cedar's JSON format. Default: none. */
  readonly entities?: string | NamedText;
  /** Names the policy set in audit events. Default `cedar`. */
  readonly id?: string;
  /** Default: base64url SHA-256 of policies, schema and entities. */
  readonly version?: string;
  /** Type of the entities that stand for tools. Default `Action`: the schema's actions lie in no namespace. */
  readonly actionType?: string;
  /** Hand the adapter's attributes to policies, as `context.attributes`, which every action must declare then. Default false. */
  readonly attributes?: boolean;
  /** The arguments that policies see. Leave out only what no policy should judge. Default: all. */
  readonly arguments?: (input: PolicyInput) => JsonObject;
  /** The resource's entity. Default: a `Taper::Resource` with the adapter's name for it. */
  readonly resource?: (input: PolicyInput) => CedarEntityName;
}

/** Reason of a denial, beside ids of policies: the call does not fit the schema, or holds a value that Cedar has none for. */
export const REQUEST_INVALID = 'request_invalid';
/** Reason of a denial, before the ids of the policies that could not be evaluated. */
export const EVALUATION_ERROR = 'evaluation_error';

/**
 * An engine that decides by Cedar policies, in this process, without a network.
 *
 * - No policy permits: denied. One forbids: denied, whatever others permit.
 * - Every policy that forbids carries `@approval("group")`, and without all such policies the call is permitted: approval required,
 *   of each group as many as the highest `@approval_count`.
 * - A policy that cannot be evaluated (an overflow, a missing attribute) denies. Cedar would pass over it, also over a `forbid`.
 * - The call does not fit the schema, such as an argument that is not declared or of another type: denied.
 *
 * @throws {PolicyLoadError} with file and line when policies, schema or entities are broken.
 */
export function createCedarEngine(options: CedarEngineOptions): LoadedPolicyEngine {
  const sources = Object.freeze(
    typeof options.policies === 'string'
      ? [{ name: 'policies', text: options.policies }]
      : [...options.policies],
  );
  const userSchema = named(options.schema, 'schema');
  // The user's part comes first, so that places in it are places in the whole.
  const schema = `${userSchema.text}\n${CEDAR_BASE_SCHEMA}`;
  checkSchema(userSchema, schema);
  const policies = readPolicies(sources, schema);
  const entitySource =
    options.entities === undefined ? undefined : named(options.entities, 'entities');
  const entities = readEntities(entitySource, schema);

  const all = [...policies.values()];
  const preparsed = preparse(
    schema,
    textsOf(all),
    textsOf(all.filter(({ approval }) => approval === undefined)),
  );
  const policy = Object.freeze({
    id: options.id ?? 'cedar',
    version:
      options.version ??
      hash({
        policies: sources.map(({ name, text }) => ({ name, text })),
        schema,
        entities: entitySource?.text ?? '',
      }),
  });
  const mapping = {
    actionType: options.actionType ?? 'Action',
    attributes: options.attributes === true,
    argumentsOf: options.arguments ?? ((input: PolicyInput) => input.arguments),
    resourceOf:
      options.resource ??
      ((input: PolicyInput) => ({ type: 'Taper::Resource', id: input.resource })),
  };
  const literals = all.map(({ json }) => json);

  const evaluate = (
    policySet: string,
    request: CedarRequest,
    known: EntityJson[],
  ): Response | undefined => {
    try {
      const answer = statefulIsAuthorized({
        ...request,
        entities: known,
        preparsedSchemaName: preparsed.schema,
        preparsedPolicySetId: policySet,
        validateRequest: true,
      });
      return answer.type === 'success' ? answer.response : undefined;
    } catch {
      // Not handed on as the cause: Cedar's messages quote argument values.
      throw new TaperError('policy_unavailable', 'Cedar failed.');
    }
  };
  const denied = (...reasons: string[]): PolicyDecision => ({
    verdict: 'deny',
    approvals: [],
    policy,
    reasons,
  });

  return {
    policy,
    decide(input) {
      const request = cedarRequest(input, mapping);
      if (request === undefined) return denied(REQUEST_INVALID);
      const known = entities.reachableFrom([literals, request]);
      const answer = evaluate(preparsed.all, request, known);
      if (answer === undefined) return denied(REQUEST_INVALID);
      const { errors, reason } = answer.diagnostics;
      if (errors.length > 0)
        return denied(EVALUATION_ERROR, ...errors.map(({ policyId }) => policyId).sort());
      const reasons = [...reason].sort();
      if (answer.decision === 'allow') return { verdict: 'permit', approvals: [], policy, reasons };
      const asked = reasons.flatMap((id) => policies.get(id)?.approval ?? []);
      if (asked.length === 0 || asked.length < reasons.length) return denied(...reasons);
      const otherwise = evaluate(preparsed.base, request, known);
      if (otherwise?.decision !== 'allow' || otherwise.diagnostics.errors.length > 0)
        return denied(...reasons);
      return { verdict: 'approval_required', approvals: joinRequirements(asked), policy, reasons };
    },
  };
}

function checkSchema(source: NamedText, whole: string): void {
  const answer = checkParseSchema(whole);
  if (answer.type === 'success') return;
  const [error] = answer.errors;
  const offset = error?.sourceLocations?.[0]?.start;
  const isOwn = offset !== undefined && offset <= Buffer.byteLength(source.text);
  throw new PolicyLoadError(
    placeOf(source.name, source.text, isOwn ? offset : undefined),
    error?.message ?? 'Not accepted by Cedar.',
    {
      hint:
        error?.help ??
        'The namespace `Taper` is ours; see docs/policy.md for a schema to start from.',
    },
  );
}

function named(text: string | NamedText, usual: string): NamedText {
  return typeof text === 'string' ? { name: usual, text } : text;
}

function textsOf(
  policies: readonly { readonly id: string; readonly text: string }[],
): Readonly<Record<string, string>> {
  return Object.fromEntries(policies.map(({ id, text }) => [id, text]));
}

function hash(content: JsonObject): string {
  return createHash('sha256').update(canonicalize(content)).digest('base64url');
}
