import type { AnchorsPublication } from './anchors-publication.ts';
import type { AuthorityLog } from './authority-log.ts';
import type { AuthorityConfig } from './config.ts';
import { readHome } from './home.ts';
import { type NodeKeys, openRoots, type RootKey } from './keys.ts';
import { absentRoot, anchorsOf, requireRoot, rootInForce } from './roots.ts';
import type { AuthorityService, RootState } from './service.ts';

export interface RootWatchOptions {
  readonly folder: string;
  readonly config: AuthorityConfig;
  readonly opened: NodeKeys;
  readonly log: Pick<AuthorityLog, 'useAnchors'>;
  readonly published: AnchorsPublication;
  /** What is published. */
  readonly read: () => Promise<AnchorsPublication | undefined>;
  /** Publishes what is due, with the root keys that are here. */
  readonly publish: (roots: readonly RootKey[]) => Promise<AnchorsPublication>;
  readonly serve: (state: RootState) => AuthorityService;
  readonly clock: () => number;
}

/** Follows the published trust anchors: by them it is known which root key signs and under which ones is verified. */
export interface RootWatch {
  readonly published: AnchorsPublication;
  /** What answers requests now. Requests that are being answered end as they began. */
  readonly service: AuthorityService;
  /** `root` while this node has not got the key that signs: then it issues nothing. */
  problems(): readonly string[];
  /** Takes up what was published, by this node or another process. @throws {TaperError} whatever store and signer have. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

export function createRootWatch(options: RootWatchOptions): RootWatch {
  const { folder, config, opened, log, serve, clock } = options;
  let { published } = options;
  let roots = opened.roots;
  const undo: (() => Promise<void>)[] = [];
  let root = requireRoot(roots, published.latest);
  let isAbsent = false;
  let service = serve(stateNow());
  useAnchors();
  let refreshing: Promise<void> | undefined;

  function stateNow(): RootState {
    const { latest } = published;
    return {
      root,
      anchors: anchorsOf(config.issuer, root, latest, clock()),
      ownKeys: [
        ...opened.publicKeys,
        ...[root, ...roots].map(({ signer }) => signer.publicKey),
        ...latest.anchors.map(({ key }) => key),
      ],
    };
  }

  function useAnchors(): void {
    log.useAnchors(anchorsOf(config.issuer, root, published.latest, 'ever'));
  }

  /** A key that was announced since the start is in the configuration by now. */
  async function findMissing(): Promise<void> {
    const { latest } = published;
    const awaited = latest.anchors.filter(({ state }) => state !== 'retired');
    const isHere = ({ key }: (typeof awaited)[number]): boolean =>
      roots.some(({ signer }) => signer.publicKey.thumbprint === key.thumbprint);
    if (awaited.every(isHere)) return;
    const changed = await readHome(folder);
    // Nobody is at the terminal any more.
    if (changed?.passphraseFile === undefined) return;
    const found = await openRoots(folder, changed);
    if (found.roots.every(({ signer }) => isKnown(signer.publicKey.thumbprint))) {
      await found.close();
      return;
    }
    undo.push(found.close);
    roots = [
      ...roots,
      ...found.roots.filter(({ signer }) => !isKnown(signer.publicKey.thumbprint)),
    ];
  }

  function isKnown(thumbprint: string): boolean {
    return roots.some(({ signer }) => signer.publicKey.thumbprint === thumbprint);
  }

  /** Requests go to another service only where something has changed for them. */
  function apply(): void {
    const found = rootInForce(roots, published.latest);
    const before = describe(service);
    isAbsent = found === undefined;
    root = found ?? absentRoot(root);
    useAnchors();
    const state = stateNow();
    if (isAbsent || describe(state) !== before) service = serve(state);
  }

  async function take(): Promise<void> {
    published = (await options.read()) ?? published;
    // What goes on without the announced key goes on, and is told afterwards.
    const failed = await findMissing().then(
      () => undefined,
      (cause: unknown) => ({ cause }),
    );
    apply();
    published = await options.publish(roots);
    if (failed !== undefined) throw failed.cause;
  }

  return {
    get published() {
      return published;
    },
    get service() {
      return service;
    },
    problems: () => (isAbsent ? ['root'] : []),
    refresh() {
      refreshing ??= take().finally(() => {
        refreshing = undefined;
      });
      return refreshing;
    },
    async close() {
      await refreshing?.catch(() => undefined);
      for (const each of undo.splice(0)) await each();
    },
  };
}

function describe({ root, anchors }: RootState): string {
  const keys = [root.signer.publicKey, ...anchors.map(({ key }) => key)];
  return keys.map(({ thumbprint }) => thumbprint).join();
}
