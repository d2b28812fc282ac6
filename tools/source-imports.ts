import { parseSync, Visitor, type VisitorObject } from 'oxc-parser';

/** Something in a source file that a rule may be about. */
export interface Use {
  /** What is imported or called. */
  readonly name: string;
  /** Line number, from 1. */
  readonly line: number;
}

/** What one source file imports, and where it reads a clock or randomness by itself. */
export interface SourceUses {
  /** Specifiers of imports and re-exports, of types too, and of `import()` and `require`. */
  readonly imports: readonly Use[];
  /** `import()` and `require` of something that is not a literal, so that nobody can check it. */
  readonly computedImports: readonly Use[];
  /** `Date.now()`, `new Date()`, `Math.random()` and the like. */
  readonly ambientReads: readonly Use[];
}

const LOADERS = new Set([
  'require',
  'require.resolve',
  'import.meta.resolve',
  'process.getBuiltinModule',
]);

const AMBIENT = new Set([
  'Date.now',
  'Math.random',
  'performance.now',
  'Temporal.Now.instant',
  'crypto.getRandomValues',
  'crypto.randomUUID',
]);

type Node<Name extends keyof VisitorObject> = Parameters<NonNullable<VisitorObject[Name]>>[0];
type Expression = Node<'ImportExpression'>['source'];

/** `a.b.c` for a chain of plain names; `import.meta` counts as one. */
function dotted(node: Expression | Node<'Super'>): string | undefined {
  if (node.type === 'Identifier') return node.name;
  if (node.type === 'MetaProperty') return 'import.meta';
  if (node.type !== 'MemberExpression') return undefined;
  const { property } = node;
  const object = dotted(node.object);
  if (object === undefined) return undefined;
  if (!node.computed && property.type === 'Identifier') return `${object}.${property.name}`;
  return property.type === 'Literal' ? `${object}.${property.value}` : undefined;
}

/**
 * Reads what a source file uses.
 *
 * @throws Error when it does not parse.
 */
export function usesOf(path: string, source: string): SourceUses {
  const { program, errors } = parseSync(path, source);
  if (errors[0] !== undefined) throw new Error(`${path}: ${errors[0].message}`);
  const imports: Use[] = [];
  const computedImports: Use[] = [];
  const ambientReads: Use[] = [];
  const at = (offset: number): number => source.slice(0, offset).split('\n').length;
  const importOf = (
    node: { type: string; value?: unknown } | null | undefined,
    start: number,
  ): void => {
    if (!node) return;
    const line = at(start);
    if (node.type === 'Literal') imports.push({ name: String(node.value), line });
    else computedImports.push({ name: source.slice(start).split('\n')[0] ?? '', line });
  };
  new Visitor({
    ImportDeclaration: (node) => importOf(node.source, node.start),
    ExportAllDeclaration: (node) => importOf(node.source, node.start),
    ExportNamedDeclaration: (node) => importOf(node.source, node.start),
    ImportExpression: (node) => importOf(node.source, node.start),
    TSImportType: (node) => importOf(node.source, node.start),
    CallExpression: (node) => {
      const called = dotted(node.callee);
      const maker = node.callee.type === 'CallExpression' ? dotted(node.callee.callee) : undefined;
      if (LOADERS.has(called ?? '') || maker === 'createRequire') {
        importOf(node.arguments[0], node.start);
      }
      const name = called?.replace(/^globalThis\./, '');
      if (name === 'Date' || AMBIENT.has(name ?? '')) {
        ambientReads.push({ name: `${name}()`, line: at(node.start) });
      }
    },
    NewExpression: (node) => {
      if (dotted(node.callee)?.replace(/^globalThis\./, '') !== 'Date') return;
      if (node.arguments.length === 0) {
        ambientReads.push({ name: 'new Date()', line: at(node.start) });
      }
    },
  }).visit(program);
  return { imports, computedImports, ambientReads };
}
