import { compareTools } from '@taper/core';
import { timeOf } from './format/macaroon.ts';
import type { Finding, Hop, Scope } from './model.ts';

type HopFinding = Omit<Finding, 'hop'>;

/** Whether a hop is a subset of each of its parents, by a rule and not by the look of texts. */
export function checkScope(hop: Hop, parents: readonly Hop[]): readonly HopFinding[] {
  const own = ownFindings(hop.scope);
  if (hop.scope.kind === 'unrecorded') return [...own, { code: 'scope_unrecorded' }];
  if (hop.scope.kind === 'omitted') return [...own, { code: 'scope_omitted' }];
  const compared = parents.map(({ scope }) => compare(hop.scope, scope));
  return [...own, ...distinct(parents.length > 1 ? joinFindings(compared) : compared.flat())];
}

/** What is wrong with a scope whatever its parent has. */
function ownFindings(scope: Scope): readonly HopFinding[] {
  if (scope.kind === 'items')
    return scope.items
      .filter(isPattern)
      .map((item) => ({ code: 'scope_pattern', facts: { item } }));
  if (scope.kind !== 'caveats') return [];
  return scope.caveats.flatMap((caveat): readonly HopFinding[] => {
    if (isPatternCaveat(caveat)) return [{ code: 'scope_pattern', facts: { item: caveat } }];
    const comparable = EQUALITY.test(caveat) || timeOf(caveat) !== undefined;
    return comparable ? [] : [{ code: 'caveat_opaque', facts: { item: caveat } }];
  });
}

function compare(child: Scope, parent: Scope): readonly HopFinding[] {
  if (child.kind === 'tools' && parent.kind === 'tools') {
    const widening = compareTools(parent.tools, child.tools);
    if (widening === undefined) return [];
    const { code, facts } = widening;
    const reason = Object.hasOwn(widening, 'rule') ? code : undefined;
    if (reason === undefined) return [{ code: 'scope_malformed', facts: { reason: code } }];
    const item = [facts['tool'], facts['argument']]
      .filter((each) => each !== undefined)
      .join(' › ');
    return [
      code === 'tool_added'
        ? { code: 'scope_introduced', facts: { item } }
        : { code: 'scope_widened', facts: { item, reason } },
    ];
  }
  if (child.kind === 'items' && parent.kind === 'items')
    return child.items.flatMap((item) => compareItem(item, parent.items));
  // Whether caveats were only appended is read off the macaroons themselves.
  if (child.kind === 'caveats' && parent.kind === 'caveats') return [];
  // What has no scope, or was not recorded, is a finding where it stands.
  if (parent.kind === 'omitted' || parent.kind === 'unrecorded') return [];
  return [{ code: 'scope_incomparable', facts: { from: parent.kind, to: child.kind } }];
}

function compareItem(item: string, parent: readonly string[]): readonly HopFinding[] {
  if (parent.includes(item)) return [];
  const pattern = parent.find((each) => seemsToCover(each, item));
  return pattern === undefined
    ? [{ code: 'scope_introduced', facts: { item } }]
    : [{ code: 'scope_by_pattern', facts: { item, pattern } }];
}

/** What one parent lacks and another has was added up. */
function joinFindings(compared: readonly (readonly HopFinding[])[]): readonly HopFinding[] {
  return compared.flatMap((findings) =>
    findings.map((finding): HopFinding => {
      const item = finding.facts?.['item'];
      const elsewhere = compared.some(
        (other) =>
          !other.some((each) => each.code === finding.code && each.facts?.['item'] === item),
      );
      const added = finding.code === 'scope_introduced' || finding.code === 'scope_widened';
      return added && elsewhere && item !== undefined
        ? { code: 'join_union', facts: { item } }
        : finding;
    }),
  );
}

function distinct(findings: readonly HopFinding[]): readonly HopFinding[] {
  const seen = new Map(findings.map((finding) => [JSON.stringify(finding), finding]));
  return [...seen.values()];
}

/** `name = value`, with nothing in the value that stands for other values. */
const EQUALITY = /^[\w.:-]+\s*(?:=|==|:| )\s*[\w@.:/-]+(?:,[\w@.:/-]+)*$/;

const PATTERN_OPERATOR =
  /\b(?:prefix|startswith|starts_with|like|glob|match|matches|regex)\b|\^=|=~|~=|~|\*=/i;

function isPatternCaveat(caveat: string): boolean {
  return (
    PATTERN_OPERATOR.test(caveat) || isPattern(caveat.replace(/^[\w.:-]+\s*(?:=|==|:| )\s*/, ''))
  );
}

/** Whether a text stands for others: a wildcard, a trailing separator, or a regular expression. */
function isPattern(item: string): boolean {
  return /[*?]|\.\+|\[[^\]]*\]|\(.*\|.*\)|^\^|\$$/.test(item) || /[:/.]$/.test(item);
}

/** Whether somebody may take the parent's text to cover the child's: by wildcard, or because it begins so. */
function seemsToCover(parent: string, child: string): boolean {
  const stem = parent.replace(/[*?].*$/, '');
  if (stem !== parent) return child.startsWith(stem);
  return (
    child.startsWith(parent) && (/[:/.]$/.test(parent) || /^[:/.]/.test(child.slice(parent.length)))
  );
}
