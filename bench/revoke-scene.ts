import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createSigner,
  createVerifier,
  derive,
  generateKeyPair,
  hashToken,
  importPublicKey,
  issue,
  noteKey,
  type PublicJwk,
  requestRevocation,
  type VerifiedChain,
} from '@taper/core';
import { start, told } from './child.ts';
import {
  type AgentMessage,
  type AgentOrder,
  AUDIENCE,
  ISSUER,
  monotonic,
  ORIGIN,
  type PointMessage,
  type PointOrder,
  type PointStatus,
  type PointTask,
  type ServiceOrder,
  type ServiceReady,
  type ServiceTask,
  TOOL,
} from './revoke-messages.ts';

/** Points that are started at the same time. */
const AT_ONCE = 2;

/** Milliseconds between two calls at each point of the chain that nobody revokes. */
const PAUSE = 100;

/** When something was revoked, and when each point denied it first; milliseconds of the monotonic clock. */
export interface Revoked {
  readonly leaf: string;
  readonly sent: number;
  readonly acknowledged: number;
  readonly denied: readonly number[];
}

export interface SceneOptions {
  readonly points: number;
  readonly pollInterval: number;
  /** Seconds after which a chain asks for newer knowledge. */
  readonly maxStaleness: number;
  readonly progress: (text: string) => void;
}

/** An authority, an agent in the middle, and enforcement points that follow the authority's log, each a process of its own. */
export class RevocationScene {
  readonly #options: SceneOptions;
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'taper-soak-revocation-'));
  readonly #processes: ChildProcess[] = [];
  readonly #points: ChildProcess[] = [];
  readonly #messages: PointMessage[][] = [];
  readonly #anchor = generateKeyPair();
  readonly #authority = generateKeyPair();
  readonly #log = generateKeyPair();
  readonly #orchestrator = generateKeyPair();
  readonly #agent = generateKeyPair();
  readonly #revoked = new Map<string, VerifiedChain>();
  #changed: () => void = () => {};
  #service: ChildProcess | undefined;
  #middle: ChildProcess | undefined;
  #middleKey: PublicJwk | undefined;
  #ready: ServiceReady | undefined;

  constructor(options: SceneOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const { progress, points } = this.#options;
    this.#service = this.#start('revoke-service.ts');
    this.#service.send({
      folder: this.#folder,
      logKey: this.#log.privateJwk,
      authorityKey: this.#authority.privateJwk,
      anchor: jwkOf(this.#anchor),
    } satisfies ServiceTask);
    this.#ready = (await told(this.#service)) as ServiceReady;
    this.#middle = this.#start('revoke-agent.ts');
    const agent = (await told(this.#middle)) as AgentMessage;
    if (agent.kind !== 'ready') throw new Error('The agent is not ready.');
    this.#middleKey = agent.key;
    const [lasting = []] = await this.chains(1);
    for (let at = 0; at < points; at += AT_ONCE) {
      const some = Array.from({ length: Math.min(AT_ONCE, points - at) }, () =>
        this.#startPoint(lasting),
      );
      await Promise.all(some);
      if (at % 10 === 0) progress(`${at + some.length} enforcement points`);
    }
    await this.until(async () => (await this.statuses()).every(({ pushed }) => pushed));
  }

  /** Root issuer, orchestrator, the agent in the middle, the agent that calls: chains of three hops, as compact tokens. */
  async chains(count: number): Promise<readonly (readonly string[])[]> {
    const given: (readonly string[])[] = [];
    for (let made = 0; made < count; made += 1) given.push(await this.#handOn());
    const order: AgentOrder = {
      chains: given,
      to: jwkOf(this.#agent),
      anchor: jwkOf(this.#anchor),
    };
    this.#middle?.send(order);
    const answer = (await told(this.#middle as ChildProcess)) as AgentMessage;
    return answer.kind === 'derived' ? answer.chains : [];
  }

  /** Has every point permit a call of each chain; from then on they say when they deny one. */
  async expect(chains: readonly (readonly string[])[]): Promise<void> {
    const verifier = createVerifier({
      anchors: [{ issuer: ISSUER, key: this.#anchor.publicKey }],
      audience: AUDIENCE,
      profile: {},
    });
    for (const tokens of chains) {
      const verdict = verifier.verifyChain(tokens, now());
      if (verdict.verdict === 'deny') throw new Error(verdict.denial.code);
      this.#revoked.set(verdict.chain.leaf.hash, verdict.chain);
    }
    this.#tellPoints({ kind: 'expect', chains });
    await this.until(() => this.#all('expecting').length === this.#points.length);
    this.#forget('expecting');
  }

  /** The orchestrator takes back what it gave to the agent in the middle; that one is not asked. */
  async revoke(tokens: readonly string[]): Promise<Omit<Revoked, 'denied'>> {
    const [root, middle, leaf] = tokens.map((compact) => hashToken(compact));
    const body = await requestRevocation({
      log: ORIGIN,
      target: { kind: 'token', token: middle ?? '', root: root ?? '' },
      chain: tokens.slice(0, 2),
      signer: createSigner(this.#orchestrator.privateJwk),
      now: now(),
      id: crypto.randomUUID(),
    });
    const sent = milliseconds(monotonic());
    const response = await fetch(`${this.#ready?.url}/revocations`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/jwt' },
      body,
    });
    const acknowledged = milliseconds(monotonic());
    if (response.status !== 201) throw new Error(`Not revoked: ${await response.text()}`);
    await response.body?.cancel();
    return { leaf: leaf ?? '', sent, acknowledged };
  }

  /** Waits until every point has denied a call of the chain. */
  async denied(revoked: Omit<Revoked, 'denied'>): Promise<Revoked> {
    const found = () => this.#all('denied').filter(({ leaf }) => leaf === revoked.leaf);
    await this.until(() => found().length === this.#points.length);
    const wrong = found().find(({ code }) => code !== 'revoked');
    if (wrong !== undefined) throw new Error(`Denied as ${wrong.code}.`);
    return { ...revoked, denied: found().map(({ at }) => milliseconds(at)) };
  }

  /** Some bytes are made durable, and one is pushed to every point: when each had it, milliseconds after that began. */
  async pushBare(): Promise<readonly number[]> {
    const service = this.#service as ChildProcess;
    service.send('push' satisfies ServiceOrder);
    const sent = milliseconds((await told(service)) as string);
    await this.until(() => this.#all('bare').length === this.#points.length);
    const took = this.#all('bare').map(({ at }) => milliseconds(at) - sent);
    this.#forget('bare');
    return took;
  }

  cutPush(): void {
    this.#service?.send('cut' satisfies ServiceOrder);
  }

  /** Connections that the agent in the middle was asked for; then its process ends at once. */
  async endMiddle(): Promise<number> {
    const middle = this.#middle as ChildProcess;
    middle.send('asked');
    const answer = (await told(middle)) as AgentMessage;
    middle.kill('SIGKILL');
    return answer.kind === 'asked' ? answer.connections : NaN;
  }

  /** Nobody answers for the log any more: how long until each point denies what nobody has revoked, in milliseconds. */
  async endService(): Promise<readonly number[]> {
    this.#forget('refused');
    const ended = milliseconds(monotonic());
    this.#service?.kill('SIGKILL');
    const firsts = () =>
      this.#messages.flatMap((each) => each.find(({ kind }) => kind === 'refused') ?? []);
    await this.until(() => firsts().length === this.#points.length);
    const refused = firsts().filter((message) => message.kind === 'refused');
    const wrong = refused.find(({ code }) => code !== 'revocation_stale');
    if (wrong !== undefined) throw new Error(`Denied as ${wrong.code}.`);
    return refused.map(({ at }) => milliseconds(at) - ended);
  }

  async statuses(): Promise<readonly PointStatus[]> {
    this.#forget('status');
    this.#tellPoints({ kind: 'status' });
    await this.until(() => this.#all('status').length === this.#points.length);
    return this.#all('status').map(({ status }) => status);
  }

  close(): void {
    for (const each of this.#processes) if (each.connected) each.disconnect();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #start(file: string): ChildProcess {
    return start(file, [], this.#processes);
  }

  async #startPoint(chain: readonly string[]): Promise<void> {
    const point = this.#start('revoke-point.ts');
    const messages: PointMessage[] = [];
    point.on('message', (message: PointMessage) => {
      messages.push(message);
      this.#changed();
    });
    point.send({
      ...(this.#ready as ServiceReady),
      logKey: noteKey(ORIGIN, this.#log.publicKey, 1).text,
      authority: jwkOf(this.#authority),
      anchor: jwkOf(this.#anchor),
      agentKey: this.#agent.privateJwk,
      pollInterval: this.#options.pollInterval,
      pause: PAUSE,
      chain,
    } satisfies PointTask);
    await told(point);
    this.#points.push(point);
    this.#messages.push(messages);
  }

  async #handOn(): Promise<readonly string[]> {
    const made = { tools: { [TOOL]: {} }, now: now() };
    const root = await issue({
      ...made,
      id: crypto.randomUUID(),
      issuer: ISSUER,
      signer: createSigner(this.#anchor.privateJwk),
      holder: this.#orchestrator.publicKey,
      lifetime: 3600,
      maxDepth: 2,
      caveats: {
        revocation: { log: ORIGIN, epoch: 1, max_staleness: this.#options.maxStaleness },
      },
    });
    const middle = await derive(root, {
      ...made,
      id: crypto.randomUUID(),
      signer: createSigner(this.#orchestrator.privateJwk),
      holder: importPublicKey(this.#middleKey),
      maxDepth: 2,
    });
    return middle.tokens.map(({ compact }) => compact);
  }

  #tellPoints(order: PointOrder): void {
    for (const point of this.#points) point.send(order);
  }

  #all<Kind extends PointMessage['kind']>(kind: Kind): Extract<PointMessage, { kind: Kind }>[] {
    type Wanted = Extract<PointMessage, { kind: Kind }>;
    return this.#messages.flatMap((each) =>
      each.filter((message): message is Wanted => message.kind === kind),
    );
  }

  #forget(kind: PointMessage['kind']): void {
    for (const [at, messages] of this.#messages.entries()) {
      const kept = messages.filter((message) => message.kind !== kind);
      this.#messages[at]?.splice(0, messages.length, ...kept);
    }
  }

  async until(holds: () => boolean | Promise<boolean>): Promise<void> {
    const end = performance.now() + 60_000;
    while (!(await holds())) {
      if (performance.now() > end) throw new Error('The processes are stuck.');
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 100);
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

function jwkOf({ publicKey }: ReturnType<typeof generateKeyPair>): PublicJwk {
  return { ...publicKey.jwk };
}

function milliseconds(at: string): number {
  return Number(BigInt(at) / 1000n) / 1000;
}

function now(): number {
  return Math.floor(Date.now() / 1000);
}
