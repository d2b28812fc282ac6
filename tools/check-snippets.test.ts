import { describe, expect, test } from 'vitest';
import { snippetsOf } from './check-snippets.ts';

const page = (...lines: string[]): string => `${lines.join('\n')}\n`;

describe('the snippets of a page', () => {
  test('are its blocks of TypeScript, each with its place', () => {
    const content = page(
      '# Title',
      '',
      '```ts',
      'a;',
      'b;',
      '```',
      '',
      '```typescript',
      'c;',
      '```',
    );
    expect(snippetsOf('README.md', content)).toEqual([
      { page: 'README.md', text: 'a;\nb;\n', lines: [4, 5, 6] },
      { page: 'README.md', text: 'c;\n', lines: [9, 10] },
    ]);
  });

  test('are also blocks with a title', () => {
    expect(snippetsOf('a.md', page('```ts title="x.ts"', 'a;', '```'))).toHaveLength(1);
  });

  test('are no blocks of other languages', () => {
    const content = page(
      '```sh',
      'npm test',
      '```',
      '```',
      'plain',
      '```',
      '```tsconfig',
      '{}',
      '```',
    );
    expect(snippetsOf('a.md', content)).toEqual([]);
  });

  test('go on where the one before ended when they are marked so', () => {
    const content = page('```ts', 'a;', '```', '', '<!-- continues -->', '', '```ts', 'b;', '```');
    expect(snippetsOf('a.md', content)[1]).toEqual({
      page: 'a.md',
      text: 'a;\nb;\n',
      lines: [2, 8, 9],
    });
  });

  test('do not go on when the mark stands further up', () => {
    const content = page('```ts', 'a;', '```', '<!-- continues -->', 'text', '```ts', 'b;', '```');
    expect(snippetsOf('a.md', content)[1]?.text).toBe('b;\n');
  });
});
