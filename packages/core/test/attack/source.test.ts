import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

// What no source of these packages may hold, whatever it is for.

describe('the source', () => {
  const folder = join(import.meta.dirname, '../../../..');
  const sources = globSync('packages/{core,enforce,log,adapters/mcp}/src/**/*.ts', {
    cwd: folder,
  }).map((path) => ({
    path,
    text: readFileSync(join(folder, path), 'utf8'),
  }));

  test('X14 evaluates no text as code', () => {
    expect(sources.length).toBeGreaterThan(30);
    const found = sources.filter(({ text }) =>
      /\beval\(|new Function|setTimeout\(['"`]|node:vm|import\((?!['"])/.test(text),
    );
    expect(found.map(({ path }) => path)).toEqual([]);
  });

  test('X10 has no regular expression that remembers where it was', () => {
    const found = sources.filter(({ text }) =>
      text
        .split('\n')
        .some(
          (line) =>
            /\/[dimsuv]*[gy][dimsuvgy]*[,;).]/.test(line) && !/\.replace(?:All)?\(/.test(line),
        ),
    );
    expect(found.map(({ path }) => path)).toEqual([]);
  });

  test('B05 R08 opens no connection and fetches nothing, but to servers that the owner names: of policies, and of logs', () => {
    const found = sources.filter(({ text }) =>
      /\bfetch\(|XMLHttpRequest|WebSocket|node:(?:http|https|net|tls|dns|dgram|child_process)\b/.test(
        text,
      ),
    );
    const paths = found.map(({ path }) => path);
    const asked = /^packages\/(?:enforce\/src\/policy\/opa|log\/src\/(?:client|revocation-view))\//;
    expect(paths.filter((path) => !asked.test(path))).toEqual([]);
  });

  test('touches files only where stores and policies are kept', () => {
    const found = sources.filter(({ text }) => /node:fs\b|node:sqlite\b/.test(text));
    const kept = /^packages\/(?:enforce\/src\/(?:sqlite|file|policy)|log\/src\/(?:sqlite|file))\//;
    expect(found.map(({ path }) => path).filter((path) => !kept.test(path))).toEqual([]);
  });
});
