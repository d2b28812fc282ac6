import { createHash } from 'node:crypto';
import {
  type AuthorizationAnswer,
  checkParseSchema,
  type EntityJson,
  statefulIsAuthorized,
} from '@cedar-policy/cedar-wasm/nodejs';
import { canonicalize, type JsonObject, TaperError } from '@taper/core';
import type { PolicyDecision, PolicyInput } from '../../port/policy-engine.ts';
import { PolicyLoadError, placeOf } from '../load-error.ts';
import type { LoadedPolicyEngine } from '../loaded-engine.ts';
import { joinRequirements } from '../requirement.ts';
import { CEDAR_BASE_SCHEMA } from './base-schema.ts';
import { seenCall } from './call-members.ts';
import { readEntities } from './entities.ts';
import { takesEntities } from './entity-arguments.ts';
import { type CedarEngineOptions, readCedarOptions } from './options.ts';
import { type NamedText, readPolicies } from './policies.ts';
import { preparse } from './preparsed.ts';
import { type CedarRequest, cedarRequest } from './request.ts';

export interface CedarEngine extends LoadedPolicyEngine {
  /**
   * Cedar's own words on what is wrong with a call: why it does not fit the schema, or which policy could not be evaluated and why.
   * Empty where nothing is. For whoever writes policies: the words quote arguments, so keep them out of logs.
   */
  explain(input: PolicyInput): readonly string[];
}

/** Reason of a denial, beside ids of policies: the call does not fit the schema, or holds a value that Cedar has none for. */
export const REQUEST_INVALID = 'request_invalid';
/** Reason of a denial, before the ids of the policies that could not be evaluated. */
export const EVALUATION_ERROR = 'evaluation_error';
const NO_CEDAR_VALUE =
  'The call holds null, a number that is no exact integer, a list with an element twice, half a surrogate pair, a member that Cedar reserves, or too many levels.';

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
export function createCedarEngine(options: CedarEngineOptions): CedarEngine {
  const { sources, entities: entitySource, mapping, ...settings } = readCedarOptions(options);
  // The user's part comes first, so that places in it are places in the whole.
  const schema = `${settings.schema.text}\n${CEDAR_BASE_SCHEMA}`;
  checkSchema(settings.schema, schema);
  const policies = readPolicies(sources, schema);
  const all = [...policies.values()];
  const entities = readEntities(
    entitySource,
    schema,
    all.map(({ json }) => json),
  );
  const seen = seenCall(
    settings.schema.text,
    all.map(({ json }) => json),
  );
  const shape = { members: seen.members, takesEntities: takesEntities(schema) };
  const preparsed = preparse(
    seen.schema,
    textsOf(all),
    textsOf(all.filter(({ approval }) => approval === undefined)),
  );
  const policy = Object.freeze({
    id: settings.id,
    version:
      settings.version ??
      hash({
        policies: sources.map(({ name, text }) => ({ name, text })),
        schema,
        entities: entitySource?.text ?? '',
      }),
  });

  const evaluate = (
    policySet: string,
    request: CedarRequest,
    known: EntityJson[],
  ): AuthorizationAnswer => {
    try {
      return statefulIsAuthorized({
        ...request,
        entities: known,
        preparsedSchemaName: preparsed.schema,
        preparsedPolicySetId: policySet,
        validateRequest: true,
      });
    } catch {
      // Not handed on as the cause: Cedar's messages quote argument values.
      throw new TaperError('policy_unavailable', 'Cedar failed.', {
        hint: 'Start the process anew; if it fails again, report the call that does it.',
      });
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
      const request = cedarRequest(input, mapping, shape);
      if (request === undefined) return denied(REQUEST_INVALID);
      const known = entities.reachableFrom(request);
      const answer = evaluate(preparsed.all, request, known);
      if (answer.type === 'failure') return denied(REQUEST_INVALID);
      const { decision, diagnostics } = answer.response;
      const { errors, reason } = diagnostics;
      if (errors.length > 0)
        return denied(EVALUATION_ERROR, ...errors.map(({ policyId }) => policyId).sort());
      const reasons = [...reason].sort();
      if (decision === 'allow') return { verdict: 'permit', approvals: [], policy, reasons };
      const asked = reasons.flatMap((id) => policies.get(id)?.approval ?? []);
      if (asked.length === 0 || asked.length < reasons.length) return denied(...reasons);
      const otherwise = evaluate(preparsed.base, request, known);
      if (!isCleanPermit(otherwise)) return denied(...reasons);
      return { verdict: 'approval_required', approvals: joinRequirements(asked), policy, reasons };
    },
    explain(input) {
      const request = cedarRequest(input, mapping, shape);
      if (request === undefined) return [NO_CEDAR_VALUE];
      const answer = evaluate(preparsed.all, request, entities.reachableFrom(request));
      return answer.type === 'failure'
        ? answer.errors.map(({ message }) => message)
        : answer.response.diagnostics.errors.map(
            ({ policyId, error }) => `${policyId}: ${error.message}`,
          );
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

function isCleanPermit(answer: AuthorizationAnswer): boolean {
  if (answer.type === 'failure') return false;
  const { decision, diagnostics } = answer.response;
  return decision === 'allow' && diagnostics.errors.length === 0;
}

function textsOf(
  policies: readonly { readonly id: string; readonly text: string }[],
): Readonly<Record<string, string>> {
  return Object.fromEntries(policies.map(({ id, text }) => [id, text]));
}

function hash(content: JsonObject): string {
  return createHash('sha256').update(canonicalize(content)).digest('base64url');
}
