import { globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** The folder that holds the root `package.json`. */
export const repositoryRoot: string = resolve(import.meta.dirname, '..');

/** The members of a `package.json` that the checks read. */
export interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** One npm workspace. */
export interface Workspace {
  /** Path from the root of the repository, with `/`: `packages/core`. */
  readonly folder: string;
  readonly manifest: Manifest;
}

/** Every workspace that the root `package.json` names, sorted by folder. */
export function workspacesOf(root: string): readonly Workspace[] {
  const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    workspaces: string[];
  };
  return workspaces
    .flatMap((pattern) => globSync(`${pattern}/package.json`, { cwd: root }))
    .map((path) => ({
      folder: dirname(path).replaceAll('\\', '/'),
      manifest: JSON.parse(readFileSync(join(root, path), 'utf8')) as Manifest,
    }))
    .sort((a, b) => (a.folder < b.folder ? -1 : 1));
}
