import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAdministratorClient } from '@taper/cli/administrator-client';
import {
  type AuthorityConfig,
  makeHome,
  type RunningAuthority,
  readHome,
  startAuthority,
  writeStandingFiles,
} from '@taper/cli/authority';
import {
  createSigner,
  createVerifier,
  generateKeyPair,
  type Signer,
  type TrustAnchor,
  type VerifiedChain,
} from '@taper/core';
import { afterEach } from 'vitest';

const worlds: World[] = [];

afterEach(async () => {
  for (const world of worlds.splice(0)) await world.end();
});

/** An authority that `taper up` would make and start, in this process. */
export class World {
  readonly folder: string;
  running: RunningAuthority | undefined;
  readonly lines: string[] = [];
  /** Seconds by which its clock is ahead. */
  ahead = 0;

  /** @param folder where it is made: an empty one. */
  constructor(folder: string = mkdtempSync(join(tmpdir(), 'taper-authority-'))) {
    this.folder = folder;
    worlds.push(this);
  }

  readonly clock = (): number => Math.floor(Date.now() / 1000) + this.ahead;

  /** Makes the folder when it is empty, and starts. */
  async start(
    change: (config: AuthorityConfig) => AuthorityConfig = (same) => same,
  ): Promise<this> {
    const config = (await readHome(this.folder)) ?? (await makeHome(this.folder, { port: 0 }));
    this.running = await startAuthority({
      folder: this.folder,
      config: change(config),
      clock: this.clock,
      writeLog: (line) => void this.lines.push(line),
    });
    await writeStandingFiles(this.folder, this.running, this.clock());
    return this;
  }

  async stop(): Promise<void> {
    await this.running?.close();
    this.running = undefined;
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  get url(): string {
    return this.node.url;
  }

  get node(): RunningAuthority {
    if (this.running === undefined) throw new Error('the authority does not run');
    return this.running;
  }

  read(name: string): string {
    return readFileSync(join(this.folder, name), 'utf8');
  }

  get anchors(): readonly TrustAnchor[] {
    return this.node.anchors;
  }

  /** The first administrator. */
  get first(): { readonly signer: Signer; readonly chain: VerifiedChain } {
    const signer = createSigner(JSON.parse(this.read('administrator.key.json')));
    const { aat_chain } = JSON.parse(this.read('administrator.chain.json'));
    return { signer, chain: this.verify(aat_chain) };
  }

  verify(tokens: readonly string[]): VerifiedChain {
    const verdict = createVerifier({ anchors: this.anchors, profile: {} }).verifyChain(
      tokens,
      this.clock(),
    );
    if (verdict.verdict === 'verified') return verdict.chain;
    throw new Error(verdict.denial.code);
  }

  client(credential = this.first): ReturnType<typeof createAdministratorClient> {
    return createAdministratorClient(this.url, credential, this.clock);
  }

  /** Adds an administrator with a new key. */
  async administrator(
    name: string,
    tenant?: string,
  ): Promise<{ readonly signer: Signer; readonly chain: VerifiedChain }> {
    const { privateJwk, publicKey } = generateKeyPair();
    const { data } = await this.client().POST('/admin/administrators', {
      body: { name, key: { ...publicKey.jwk }, ...(tenant === undefined ? {} : { tenant }) },
    });
    if (data === undefined) throw new Error('no administrator was added');
    return { signer: createSigner(privateJwk), chain: this.verify(data.chain) };
  }
}
