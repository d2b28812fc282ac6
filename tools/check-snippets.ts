import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { run } from './command.ts';
import { repositoryRoot } from './repository.ts';

/** A block of TypeScript in a page. */
export interface Snippet {
  /** The page, from the root of the repository. */
  readonly page: string;
  readonly text: string;
  /** For each line of the text, its line number in the page, from 1. */
  readonly lines: readonly number[];
}

const BLOCK = /^(<!-- continues -->\n+)?```(?:ts|typescript)\b[^\n]*\n([\s\S]*?)^```[ \t]*$/gm;

/**
 * Every block of TypeScript in a page. Each stands for itself, except that one after a line
 * `<!-- continues -->` goes on where the block before it ended.
 */
export function snippetsOf(page: string, content: string): readonly Snippet[] {
  const snippets: Snippet[] = [];
  for (const { 0: block, 1: continues, 2: text = '', index } of content.matchAll(BLOCK)) {
    const first = content.slice(0, index + block.indexOf('```')).split('\n').length + 1;
    const lines = text.split('\n').map((_, offset) => first + offset);
    const before = continues === undefined ? undefined : snippets.at(-1);
    snippets.push({
      page,
      text: (before?.text ?? '') + text,
      lines: [...(before?.lines.slice(0, -1) ?? []), ...lines],
    });
  }
  return snippets;
}

const TSCONFIG = {
  extends: '../../tsconfig.base.json',
  compilerOptions: {
    noEmit: true,
    composite: false,
    declaration: false,
    declarationMap: false,
    isolatedDeclarations: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
    // Against what is published, as the reader of the page has it, not against the sources.
    customConditions: [],
    lib: ['es2025', 'dom'],
    types: ['node'],
  },
  include: ['*.ts'],
};

/**
 * Type-checks every block of TypeScript in README.md, CONTRIBUTING.md and docs/. Needs dist/ to be
 * built.
 *
 * @returns one line for each error, with its place in the page
 */
export async function checkSnippets(): Promise<readonly string[]> {
  const pages = globSync(['*.md', 'docs/**/*.md', 'packages/**/README.md', 'examples/*/*.md'], {
    cwd: repositoryRoot,
    exclude: (name) => basename(name) === 'node_modules',
  });
  const snippets = pages
    .sort()
    .flatMap((page) => snippetsOf(page, readFileSync(join(repositoryRoot, page), 'utf8')));
  if (snippets.length === 0) return [];
  // Inside the repository, so that the packages are found from there.
  mkdirSync(join(repositoryRoot, '.cache'), { recursive: true });
  const folder = mkdtempSync(join(repositoryRoot, '.cache', 'snippets-'));
  try {
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(TSCONFIG));
    for (const [index, { text }] of snippets.entries()) {
      writeFileSync(join(folder, `${index}.ts`), text);
    }
    const { ok, output } = await run('tsc', '--pretty', 'false', '-p', folder);
    if (ok) return [];
    const findings = output.split('\n').map((line) => {
      const [, file, row, error] = /^\S*?(\d+)\.ts\((\d+),\d+\): (.*)$/.exec(line) ?? [];
      const snippet = snippets[Number(file)];
      return snippet ? `${snippet.page}:${snippet.lines[Number(row) - 1]}: ${error}` : line;
    });
    // What a block goes on from is compiled with it, too: its errors would stand here twice.
    return [...new Set(findings)];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
