import { canonicalize, TaperError } from '@taper/core';
import type { PolicyInput } from '../../port/policy-engine.ts';

/**
 * A call as Rego sees it under `input`: JSON in RFC 8785 form, so equal calls have equal texts.
 * What a call does not have (a tenant) is not there, and undefined in Rego.
 *
 * @throws {TaperError} `policy_unavailable` when the call holds what JSON cannot (nothing that was verified does) or the text is longer than `maxInput` bytes.
 */
export function inputDocument(input: PolicyInput, maxInput: number): string {
  const { agent, chains, tool, resource, action, caveats, approvals, context } = input;
  let text: string;
  try {
    text = canonicalize({
      agent: { ...agent },
      chains: chains.map((chain) => ({
        issuer: chain.issuer,
        holders: [...chain.holders],
        tokens: [...chain.tokens],
        depth: chain.depth,
        expires_at: chain.expiresAt,
      })),
      tool,
      resource,
      action,
      arguments: input.arguments,
      caveats: {
        ...(caveats.tenant === undefined ? {} : { tenant: caveats.tenant }),
        purposes: [...caveats.purposes],
      },
      approvals: approvals.map(({ group, approver }) => ({ group, approver })),
      context: {
        enforcement_point: context.enforcementPoint,
        now: context.now,
        attributes: context.attributes,
      },
    });
  } catch {
    // Not handed on as the cause: it may name a member of the arguments.
    throw new TaperError('policy_unavailable', 'The call cannot be put to OPA as JSON.');
  }
  if (Buffer.byteLength(text) > maxInput) {
    throw new TaperError('policy_unavailable', `The call is longer than ${maxInput} bytes.`, {
      hint: 'Raise `maxInput` if calls of this length should be judged.',
    });
  }
  return text;
}
