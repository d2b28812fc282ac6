import { type PolicyJson, schemaToJson } from '@cedar-policy/cedar-wasm/nodejs';
import { CEDAR_BASE_SCHEMA } from './base-schema.ts';
import type { CallMembers } from './request.ts';

/** The part of `context.call` that policies can tell apart, and the schema in which it has no other members. */
export interface SeenCall {
  readonly schema: string;
  readonly members: CallMembers;
}

/**
 * What has to be handed to Cedar of a call. Handing over a member costs about as much as evaluating a small policy, and most policies look at two
 * or three; what none of them names changes no decision. Where a policy takes `context` or `context.call` as a whole, or the
 * schema uses `Taper::Call` for anything else, all of it is handed over.
 *
 * @param userSchema without the base schema; checked together with it.
 */
export function seenCall(userSchema: string, policies: readonly PolicyJson[]): SeenCall {
  const whole = `${userSchema}\n${CEDAR_BASE_SCHEMA}`;
  const names = namesOfMembers(policies);
  if (names === undefined || !isOnlyContext(whole)) return { schema: whole, members: undefined };
  // Each line of four spaces and a name is a member of a record.
  const base = CEDAR_BASE_SCHEMA.replace(/^ {4}(\w+)\??: .*\n/gm, (line, name) =>
    names.has(name) ? line : '',
  );
  return { schema: `${userSchema}\n${base}`, members: names };
}

/** The names of all members that the policies read or ask for, of whatever record; `undefined` when one takes the call as a whole. */
function namesOfMembers(policies: readonly PolicyJson[]): ReadonlySet<string> | undefined {
  const names = new Set<string>();
  let isWhole = false;

  function visit(node: unknown, isRead = false): void {
    if (typeof node !== 'object' || node === null) return;
    if (Array.isArray(node)) {
      for (const each of node) visit(each);
      return;
    }
    for (const [operator, operands] of Object.entries(node as Record<string, unknown>)) {
      if (operator === 'Value') continue;
      if (operator === 'Var') {
        if (operands === 'context' && !isRead) isWhole = true;
      } else if (operator === '.' || operator === 'has') {
        const { left, attr } = operands as { left: unknown; attr: string | readonly string[] };
        for (const name of [attr].flat()) names.add(name);
        if (operator === '.' && attr === 'call' && isContext(left) && !isRead) isWhole = true;
        visit(left, true);
      } else {
        // Names of a record's members are no operators.
        for (const operand of Object.values(Object(operands))) visit(operand);
      }
    }
  }

  for (const { conditions } of policies) for (const { body } of conditions) visit(body);
  return isWhole ? undefined : names;
}

function isContext(node: unknown): boolean {
  return (Object(node) as { Var?: unknown }).Var === 'context';
}

/** Whether `Taper::Call` is the type of `context.call`, and of nothing else. */
function isOnlyContext(schema: string): boolean {
  const answer = schemaToJson(schema);
  if (answer.type === 'failure') return false;
  return !JSON.stringify(answer.json, dropContextCall).includes('"Taper::Call"');
}

/** Leaves out the `call` of each action's context. */
function dropContextCall(key: string, value: unknown): unknown {
  if (key !== 'appliesTo') return value;
  const { context, ...rest } = Object(value) as {
    context?: { attributes?: Record<string, unknown> };
  };
  const { call, ...others } = context?.attributes ?? {};
  const isPlain = JSON.stringify(call) === '{"type":"EntityOrCommon","name":"Taper::Call"}';
  return isPlain ? { ...rest, context: { ...context, attributes: others } } : value;
}
