import { globSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { repositoryRoot, type Workspace, workspacesOf } from './repository.ts';
import { usesOf } from './source-imports.ts';

/** Which packages a package may depend on. Every adapter goes by the name `adapters`. */
interface Place {
  /** Higher layers are nearer to the user. A package depends on strictly lower layers only. */
  readonly layer: number;
  readonly mayImport: readonly string[];
}

/** Where each package stands, whether it exists yet or not. One that is not named here may not exist. */
export const LAYERS: Readonly<Record<string, Place>> = {
  '@taper/core': { layer: 0, mayImport: [] },
  '@taper/testkit': { layer: 1, mayImport: ['@taper/core'] },
  '@taper/sqlite-file': { layer: 1, mayImport: ['@taper/core'] },
  '@taper/log': { layer: 2, mayImport: ['@taper/core', '@taper/sqlite-file'] },
  '@taper/enforce': { layer: 2, mayImport: ['@taper/core', '@taper/sqlite-file'] },
  '@taper/authority': { layer: 2, mayImport: ['@taper/core', '@taper/sqlite-file'] },
  '@taper/signer-pkcs11': { layer: 2, mayImport: ['@taper/core'] },
  '@taper/signer-aws-kms': { layer: 2, mayImport: ['@taper/core'] },
  '@taper/store-postgres': {
    layer: 3,
    mayImport: ['@taper/core', '@taper/log', '@taper/enforce', '@taper/authority'],
  },
  adapters: { layer: 3, mayImport: ['@taper/core', '@taper/enforce'] },
  '@taper/gateway-postgres': { layer: 4, mayImport: ['@taper/core', '@taper/enforce'] },
  '@taper/console': { layer: 4, mayImport: ['@taper/core'] },
  '@taper/cli': {
    layer: 4,
    mayImport: [
      '@taper/core',
      '@taper/sqlite-file',
      '@taper/log',
      '@taper/enforce',
      '@taper/authority',
      '@taper/store-postgres',
      '@taper/signer-pkcs11',
      '@taper/signer-aws-kms',
      'adapters',
    ],
  },
};

const TESTKIT = '@taper/testkit';
const CORE = '@taper/core';
/** The one file of core that knows Node, and the one package it may load when it is installed. */
const CORE_ON_NODE = 'packages/core/src/crypto/node.ts';
const CORE_OPTIONAL = 'sodium-native';

function isAdapter({ folder }: Workspace): boolean {
  return folder.startsWith('packages/adapters/');
}

function placeOf(workspace: Workspace): Place | undefined {
  return LAYERS[isAdapter(workspace) ? 'adapters' : workspace.manifest.name];
}

/** `@scope/name` or `name` of a specifier such as `@scope/name/part`. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** What is installed along with a package: everything but its development dependencies. */
function shippedDependencies({ manifest }: Workspace): readonly string[] {
  const { dependencies, optionalDependencies, peerDependencies } = manifest;
  return Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies });
}

class LayerCheck {
  readonly findings: string[] = [];
  readonly #root: string;
  readonly #workspaces: readonly Workspace[];
  readonly #byName: ReadonlyMap<string, Workspace>;

  constructor(root: string) {
    this.#root = root;
    this.#workspaces = workspacesOf(root);
    this.#byName = new Map(this.#workspaces.map((one) => [one.manifest.name, one]));
  }

  /** Whether the table lets one package depend on another of ours. */
  #allows(from: Workspace, to: string): boolean {
    const target = this.#byName.get(to);
    const name = target !== undefined && isAdapter(target) ? 'adapters' : to;
    return placeOf(from)?.mayImport.includes(name) ?? false;
  }

  #checkManifest(workspace: Workspace): void {
    const { folder, manifest } = workspace;
    const path = `${folder}/package.json`;
    if (placeOf(workspace) === undefined) {
      this.findings.push(`${path}: ${manifest.name} has no place in tools/check-layers.ts`);
    }
    for (const name of shippedDependencies(workspace)) {
      const ours = this.#byName.has(name);
      if (ours && !this.#allows(workspace, name)) {
        this.findings.push(`${path}: may not depend on ${name}`);
      }
      if (!ours && isAdapter(workspace) && manifest.dependencies?.[name] !== undefined) {
        this.findings.push(`${path}: an adapter takes ${name} as a peer dependency`);
      }
      const optionalPeer =
        manifest.peerDependencies?.[name] !== undefined &&
        manifest.peerDependenciesMeta?.[name]?.optional === true;
      if (manifest.name === CORE && !optionalPeer) {
        this.findings.push(`${path}: core has no runtime dependency, and here is ${name}`);
      }
    }
  }

  /** `tsc -b` builds a package only when its references say what comes before it. */
  #checkReferences(packages: readonly Workspace[]): void {
    const referencesOf = (folder: string): string =>
      (
        JSON.parse(readFileSync(join(this.#root, folder, 'tsconfig.json'), 'utf8')) as {
          references: { path: string }[];
        }
      ).references
        .map(({ path }) => posix.join(folder, path))
        .sort()
        .join(', ');
    const expect = (folder: string, folders: readonly string[]): void => {
      const expected = [...folders].sort().join(', ');
      if (referencesOf(folder) === expected) return;
      this.findings.push(`${posix.join(folder, 'tsconfig.json')}: must reference ${expected}`);
    };
    expect(
      '.',
      packages.map(({ folder }) => folder),
    );
    for (const workspace of packages) {
      const ours = shippedDependencies(workspace).flatMap(
        (name) => this.#byName.get(name)?.folder ?? [],
      );
      expect(workspace.folder, ours);
    }
  }

  #ownerOf(path: string): Workspace | undefined {
    return this.#workspaces.find(({ folder }) => path.startsWith(`${folder}/`));
  }

  #checkPathImport(path: string, line: number, specifier: string): void {
    const target = posix.join(posix.dirname(path), specifier);
    const owner = this.#ownerOf(path);
    const targetOwner = this.#ownerOf(target);
    const source = owner && path.startsWith(`${owner.folder}/src/`);
    if (targetOwner !== undefined && targetOwner !== owner) {
      this.findings.push(`${path}:${line}: import ${targetOwner.manifest.name} by its name`);
    } else if (source && !target.startsWith(`${owner.folder}/src/`)) {
      this.findings.push(`${path}:${line}: ${specifier} is not shipped with this file`);
    }
  }

  #checkNamedImport(path: string, line: number, specifier: string, shipped: boolean): void {
    const owner = this.#ownerOf(path);
    const name = packageOf(specifier);
    const target = this.#byName.get(name);
    const at = `${path}:${line}:`;
    const inTests = /\/(?:test|soak)\/|\.test\./.test(path);
    const forTests = inTests || /^(bench|vectors|packages\/testkit)\//.test(path);
    if (name === TESTKIT && !forTests) this.findings.push(`${at} only tests import ${TESTKIT}`);
    if (target !== undefined) {
      const entry = `.${specifier.slice(name.length)}`;
      if (target.manifest.exports?.[entry] === undefined) {
        this.findings.push(`${at} ${name} does not export ${entry}`);
      }
    }
    if (owner === undefined || !shipped) return;
    if (target !== undefined && !this.#allows(owner, name)) {
      this.findings.push(`${at} ${owner.manifest.name} may not import ${name}`);
    }
    if (specifier.startsWith('node:')) {
      if (owner.manifest.name === CORE && path !== CORE_ON_NODE) {
        this.findings.push(`${at} core imports ${specifier} only in ${CORE_ON_NODE}`);
      }
    } else if (owner.manifest.name === CORE && (path !== CORE_ON_NODE || name !== CORE_OPTIONAL)) {
      this.findings.push(`${at} core has no dependency, and here is ${name}`);
    } else if (!shippedDependencies(owner).includes(name)) {
      this.findings.push(`${at} ${owner.folder}/package.json does not name ${name}`);
    }
  }

  #checkSource(path: string): void {
    const uses = usesOf(path, readFileSync(join(this.#root, path), 'utf8'));
    const owner = this.#ownerOf(path);
    const inPackage = owner?.folder.startsWith('packages/') ?? false;
    const shipped = inPackage && /^(src|bin)\//.test(path.slice((owner?.folder.length ?? 0) + 1));
    for (const { name, line } of uses.imports) {
      if (name.startsWith('.')) this.#checkPathImport(path, line, name);
      else if (!name.startsWith('#')) this.#checkNamedImport(path, line, name, shipped);
    }
    if (owner === undefined || !path.startsWith(`${owner.folder}/src/`) || !shipped) return;
    for (const { name, line } of uses.computedImports) {
      this.findings.push(`${path}:${line}: nobody can check what ${name} imports`);
    }
    if (owner.manifest.name !== CORE) return;
    for (const { name, line } of uses.ambientReads) {
      this.findings.push(`${path}:${line}: core takes time and randomness as parameters: ${name}`);
    }
  }

  run(): void {
    const packages = this.#workspaces.filter(({ folder }) => folder.startsWith('packages/'));
    for (const workspace of packages) this.#checkManifest(workspace);
    this.#checkReferences(packages);
    const sources = globSync('{packages,examples,bench,vectors,tools}/**/*.{ts,mts,js,mjs}', {
      cwd: this.#root,
      exclude: (name) => ['node_modules', 'dist'].includes(posix.basename(name)),
    });
    for (const path of sources.sort()) this.#checkSource(path.replaceAll('\\', '/'));
  }
}

/**
 * Compares package.json files, TypeScript references and imports with {@link LAYERS}.
 *
 * @returns one line for each breach
 */
export function checkLayers(root: string = repositoryRoot): readonly string[] {
  const check = new LayerCheck(root);
  check.run();
  return check.findings;
}
