import { type Capabilities, isOptional, type ToolGrant } from '../capability.ts';
import type { Constraint } from '../constraint/type.ts';
import { canonicalize } from '../jcs.ts';
import type { ArgumentChange, ReceiptGrant, ToolAuthority, ToolChange } from './model.ts';

/** What became of each tool from a verified parent to its verified child, in the parent's order; without a parent, what was granted. */
export function toolChanges(
  parent: Capabilities | undefined,
  child: Capabilities,
): readonly ToolChange[] {
  if (parent === undefined) {
    return toolAuthorities(child).map(({ tool, arguments: granted, unnamed }) => ({
      tool,
      change: 'granted',
      arguments: granted.map(({ argument, ...after }) => ({ argument, change: 'granted', after })),
      unnamed,
    }));
  }
  return Array.from(parent, ([tool, outer]) => {
    const inner = child.get(tool);
    return inner === undefined ? { tool, change: 'dropped' } : toolChange(tool, outer, inner);
  });
}

/** All that a verified token grants, in its own order. */
export function toolAuthorities(capabilities: Capabilities): readonly ToolAuthority[] {
  return Array.from(capabilities, ([tool, grant]) => ({
    tool,
    arguments: Array.from(grant.named, ([argument, constraint]) => ({
      argument,
      ...receiptGrant(constraint),
    })),
    unnamed: grant.open ? 'any' : 'refused',
  }));
}

/** A constraint without `optional`. What is inside it belongs to the token, and is frozen. */
export function receiptGrant(constraint: Constraint): ReceiptGrant {
  const { optional: _, ...rest } = constraint;
  return {
    required: !isOptional(constraint),
    constraint: rest,
  };
}

function toolChange(tool: string, outer: ToolGrant, inner: ToolGrant): ToolChange {
  const changes: ArgumentChange[] = [];
  for (const [argument, constraint] of outer.named) {
    const before = receiptGrant(constraint);
    const kept = inner.named.get(argument);
    changes.push(
      kept === undefined
        ? { argument, change: 'dropped', before }
        : argumentChange(argument, before, receiptGrant(kept)),
    );
  }
  for (const [argument, constraint] of inner.named) {
    if (outer.named.has(argument)) continue;
    changes.push({ argument, change: 'constrained', after: receiptGrant(constraint) });
  }
  const unnamed = inner.open ? 'any' : outer.open ? 'dropped' : 'refused';
  const same = unnamed !== 'dropped' && changes.every(({ change }) => change === 'unchanged');
  return { tool, change: same ? 'unchanged' : 'narrowed', arguments: changes, unnamed };
}

function argumentChange(
  argument: string,
  before: ReceiptGrant,
  after: ReceiptGrant,
): ArgumentChange {
  return canonicalize(before) === canonicalize(after)
    ? { argument, change: 'unchanged', after }
    : { argument, change: 'narrowed', before, after };
}
