import {
  buildEvidence,
  derive,
  type EvidenceVerdict,
  issue,
  type JsonObject,
  joinPresentations,
  noteKey,
  type PublicJwk,
  type PublicKey,
  prove,
  type RevokedQuery,
  readEvidenceTrust,
  revocationSubject,
  type Signer,
  type VerifiedChain,
  verifyEvidence,
} from '@taper/core';
import {
  type AuditChain,
  type AuditEventInit,
  type AuditRecorder,
  createAuditRecorder,
  createEnforcementPoint,
  createSessionTable,
  type EnforcementPoint,
  initiateSession,
} from '@taper/enforce';
import { createRandom, testKey } from '@taper/testkit';
import {
  type AuditSidecar,
  type AuditSourceOptions,
  auditEvidenceSource,
  createLogAuditSink,
  createMemoryAuditSidecar,
  createMemoryCheckpointStore,
  createMemoryTileStore,
  createMemoryWitnessStore,
  createStaple,
  createWitness,
  createWitnessClient,
  type Log,
  openLog,
  openRevocationAuthority,
  type RevocationAuthority,
  readPublishedEpoch,
  type Witness,
} from '../../src/index.ts';

export const NOW = 1_800_000_000;
export const AUDIENCE = 'https://pay.example';
export const ISSUER = 'https://auth.example.com';
export const AUDIT_ORIGIN = 'audit.example.com/pay';
export const REVOCATION_ORIGIN = 'revocation.example.com/2026';

/** A key with its public JWK. */
export interface Party {
  readonly signer: Signer;
  readonly key: PublicKey;
  readonly jwk: PublicJwk;
}

/** The same for a name every time. */
export function newParty(name: string): Party {
  const { signer, publicKey, privateJwk } = testKey(name);
  const { d: _, ...jwk } = privateJwk;
  return { signer, key: publicKey, jwk: jwk as unknown as PublicJwk };
}

/** Who takes part. */
export const PARTIES = {
  authority: newParty('authority'),
  orchestrator: newParty('orchestrator'),
  planner: newParty('planner'),
  agent: newParty('agent'),
  point: newParty('point'),
  auditLog: newParty('auditLog'),
  revocationLog: newParty('revocationLog'),
  revoker: newParty('revoker'),
  witnesses: [newParty('witness 0'), newParty('witness 1')],
  responder: newParty('responder'),
} as const;

export const PAYMENT: JsonObject = { amount: '120.00', order: 'o-1' };

let serial = 0;

/** Identifiers from the first one on again: what is made next is the same every time. */
export function restart(): void {
  serial = 0;
}

function nextId(): string {
  serial += 1;
  return `id-${serial}`;
}

/** Authority → orchestrator → planner → agent. */
export async function newChain({
  lifetime = 3600,
  now = NOW,
  caveats = {},
  hops = 3,
  information,
}: {
  readonly hops?: 1 | 3;
  /** Claims of the root. */
  readonly information?: JsonObject;
  readonly lifetime?: number;
  readonly now?: number;
  readonly caveats?: object;
} = {}): Promise<VerifiedChain> {
  const tools = {
    pay: {
      amount: { constraint_type: 'decimal', min: '0', max: '200.00', scale: 2 },
      order: { constraint_type: 'wildcard' },
    },
    read: {},
  } as const;
  const { authority, orchestrator, planner, agent } = PARTIES;
  const holding = Object.keys(caveats).length === 0 ? {} : { caveats };
  const root = await issue({
    issuer: ISSUER,
    signer: authority.signer,
    holder: hops === 1 ? agent.key : orchestrator.key,
    tools,
    now,
    id: nextId(),
    lifetime,
    maxDepth: 3,
    ...holding,
    ...(information === undefined ? {} : { information }),
  });
  if (hops === 1) return root;
  const middle = await derive(root, {
    signer: orchestrator.signer,
    holder: planner.key,
    tools,
    now,
    id: nextId(),
    maxDepth: 2,
  });
  return derive(middle, {
    signer: planner.signer,
    holder: agent.key,
    tools: { pay: tools.pay },
    now,
    id: nextId(),
  });
}

/** A deployment: an enforcement point with its audit log, witnesses, and a revocation log. */
export interface Story {
  readonly point: EnforcementPoint;
  readonly recorder: AuditRecorder;
  readonly log: Log;
  readonly sidecar: AuditSidecar;
  readonly revocation: RevocationAuthority;
  readonly chain: VerifiedChain;
  /** Seconds since the epoch; set it to let time pass. */
  now: number;
  /** A payment as the agent asks for it; with a proof of its own, or in a session. What is permitted is carried out. */
  pay(options?: {
    readonly args?: JsonObject;
    readonly proves?: JsonObject;
    readonly chain?: VerifiedChain;
  }): Promise<string>;
  payInSession(): Promise<string>;
  /** Publishes an epoch, and staples a chain, by what it rests on unless said otherwise. */
  staple(
    chain?: VerifiedChain,
    query?: RevokedQuery,
  ): Promise<{ readonly leaf: string; readonly staple: string }>;
  /** Publishes the audit log. */
  publish(): Promise<string>;
  /** A bundle of all that is shown, and of what `changes` say. */
  bundle(
    changes?: Partial<AuditSourceOptions> & { readonly staples?: readonly object[] },
  ): Promise<string>;
}

export async function openStory(
  options: {
    readonly origin?: string;
    readonly caveats?: object;
    readonly tenant?: string;
    readonly hops?: 1 | 3;
    /** Signs events in place of the enforcement point, under its name. */
    readonly impostor?: Party;
    readonly seed?: string;
  } = {},
): Promise<Story> {
  const {
    origin = AUDIT_ORIGIN,
    caveats = {},
    hops = 3,
    tenant,
    impostor,
    seed = nextId(),
  } = options;
  const time = { now: NOW };
  const clock = { now: () => time.now };
  const log = await openLog({
    origin,
    signer: PARTIES.auditLog.signer,
    tiles: createMemoryTileStore(),
    checkpoints: createMemoryCheckpointStore(),
    create: true,
    witnesses: await Promise.all(
      PARTIES.witnesses.map((party, index) => witnessOf(origin, party, index, clock)),
    ),
  });
  const sidecar = createMemoryAuditSidecar();
  const emitter = PARTIES.point.key.thumbprint;
  const random = createRandom(seed);
  const recorder = createAuditRecorder({
    sink: createLogAuditSink({ log, emitter, sidecar }),
    signer: (impostor ?? PARTIES.point).signer,
    emitter,
    keepEvidence: true,
    random: (bytes) => bytes.set(random.bytes(bytes.length)),
    timeout: 60_000,
  });
  const point = createEnforcementPoint({
    audience: AUDIENCE,
    anchors: [{ issuer: ISSUER, key: PARTIES.authority.key }],
    clock,
    audit: recorder,
    portTimeout: 60_000,
    ...(tenant === undefined ? {} : { tenant }),
    sessions: createSessionTable({
      audience: AUDIENCE,
      signer: PARTIES.responder.signer,
      tools: ['pay'],
    }),
  });
  const revocationLog = await openLog({
    origin: REVOCATION_ORIGIN,
    signer: PARTIES.revocationLog.signer,
    tiles: createMemoryTileStore(),
    checkpoints: createMemoryCheckpointStore(),
    create: true,
  });
  const revocation = await openRevocationAuthority({
    log: revocationLog,
    signer: PARTIES.revoker.signer,
    anchors: [{ issuer: ISSUER, key: PARTIES.authority.key }],
    clock: clock.now,
  });
  const chain = await newChain({ caveats, hops });

  const story: Story = {
    get now() {
      return time.now;
    },
    set now(now) {
      time.now = now;
    },
    point,
    recorder,
    log,
    sidecar,
    revocation,
    chain,
    async pay({ args = PAYMENT, proves = args, chain: under = chain } = {}) {
      const presentation = await prove(under, {
        signer: PARTIES.agent.signer,
        tool: 'pay',
        args: proves,
        now: story.now,
        id: nextId(),
        audience: AUDIENCE,
      });
      const decision = await point.authorize(joinPresentations([presentation]), 'pay', args);
      if (decision.verdict !== 'permit') return decision.denial.code;
      await point.conclude(decision, 'executed');
      return 'permit';
    },
    async payInSession() {
      const initiation = initiateSession({
        chains: [chain],
        signers: [PARTIES.agent.signer],
        audience: AUDIENCE,
        responderKey: PARTIES.responder.key,
      });
      const welcome = await point.sessions?.hello(overWire(initiation.hello));
      const { finish, session } = await initiation.complete(overWire(welcome), story.now);
      await point.sessions?.finish(overWire(finish));
      const text = JSON.stringify(PAYMENT);
      const decision = await point.authorize(session.request('pay', text), 'pay', text);
      if (decision.verdict !== 'permit') return decision.denial.code;
      await point.conclude(decision, 'executed');
      return 'permit';
    },
    async staple(of = chain, query = revocationSubject(of)) {
      const record = await revocation.publishEpoch();
      const note = revocationLog.checkpoint() ?? '';
      const epoch = await readPublishedEpoch(revocationLog.reader, record, note);
      const staple = createStaple(query, revocation.state.set, epoch);
      return { leaf: of.leaf.hash, staple: Buffer.from(staple).toString('base64url') };
    },
    publish: async () => (await log.publish()).note,
    async bundle({ staples = [], ...changes } = {}) {
      const checkpoint = changes.checkpoint ?? (await log.publish()).note;
      const source = await auditEvidenceSource({
        reader: log.reader,
        checkpoint,
        sidecar,
        ...changes,
      });
      return buildEvidence({ logs: [source], staples: staples as never });
    },
  };
  return story;
}

/** An event that an emitter tells, whatever happened: a permitted payment, with what is kept beside it. */
export async function toldPermit(
  chain: VerifiedChain,
  changes: Partial<AuditEventInit> & {
    readonly args?: JsonObject;
    readonly provenAt?: number;
    readonly audience?: string;
    readonly signer?: Signer;
  } = {},
): Promise<AuditEventInit> {
  const {
    args = PAYMENT,
    provenAt = changes.time ?? NOW,
    audience = AUDIENCE,
    signer,
    ...rest
  } = changes;
  const presentation = await prove(chain, {
    signer: signer ?? PARTIES.agent.signer,
    tool: 'pay',
    args: PAYMENT,
    now: provenAt,
    id: nextId(),
    audience,
  });
  return {
    type: 'decision',
    time: NOW,
    enforcementPoint: AUDIENCE,
    decision: 'permit',
    chains: [described(chain)],
    tool: 'pay',
    arguments: args,
    evidence: { chains: [chain], proofs: [presentation.aat_pop] },
    ...rest,
  };
}

/** A chain as events describe it. */
export function described(chain: VerifiedChain): AuditChain {
  return {
    issuer: chain.anchor.issuer,
    holders: chain.tokens.map(({ claims }) => claims.holder.thumbprint),
    tokens: chain.tokens.map(({ hash }) => hash),
  };
}

/** A call that was denied before anything was verified. */
export function toldDenial(time: number = NOW): AuditEventInit {
  return {
    type: 'decision',
    time,
    enforcementPoint: AUDIENCE,
    decision: 'deny',
    chains: [],
    tool: 'pay',
    denial: { code: 'signature_invalid' },
  };
}

async function witnessOf(
  origin: string,
  { signer }: Party,
  index: number,
  clock: { now(): number },
): Promise<Witness> {
  const service = createWitness({
    name: `witness.example/${index}`,
    signer,
    logs: [{ origin, keys: [noteKey(origin, PARTIES.auditLog.key, 1)] }],
    store: createMemoryWitnessStore(),
    clock,
  });
  return createWitnessClient({
    url: 'http://localhost',
    key: service.key,
    fetch: (url, init) => service.fetch(new Request(url, init)),
  });
}

/** The auditor's own policy, as JSON, with changes. */
export function policy(changes: JsonObject = {}): JsonObject {
  const text = (name: string, { key }: Party, type: 1 | 4): string => noteKey(name, key, type).text;
  return {
    taper_trust: 1,
    anchors: [{ issuer: ISSUER, key: PARTIES.authority.jwk as unknown as JsonObject }],
    emitters: [
      {
        name: PARTIES.point.key.thumbprint,
        key: PARTIES.point.jwk as unknown as JsonObject,
        log: AUDIT_ORIGIN,
        enforcement_points: [AUDIENCE],
      },
    ],
    logs: [
      {
        origin: AUDIT_ORIGIN,
        keys: [text(AUDIT_ORIGIN, PARTIES.auditLog, 1)],
        witnesses: PARTIES.witnesses.map((party, index) =>
          text(`witness.example/${index}`, party, 4),
        ),
        quorum: 2,
      },
      {
        origin: REVOCATION_ORIGIN,
        keys: [text(REVOCATION_ORIGIN, PARTIES.revocationLog, 1)],
      },
    ],
    revocation_logs: [REVOCATION_ORIGIN],
    ...changes,
  };
}

/** Verifies under the auditor's policy, with changes. */
export async function verify(
  bundle: string | Uint8Array,
  changes: JsonObject = {},
  asOf?: number,
): Promise<EvidenceVerdict> {
  const trust = readEvidenceTrust(policy(changes));
  return verifyEvidence(bundle, trust, asOf === undefined ? {} : { asOf });
}

/** The three verdicts in short. */
export function answers({ authentic, authorized, complete }: EvidenceVerdict): readonly string[] {
  return [authentic, authorized, complete];
}

/** Codes and paths of what was found. */
export function found({ problems }: EvidenceVerdict): readonly string[] {
  return problems.map(({ verdict: of, code, path }) =>
    code === 'not_authentic' ? `${of}: ${code} ${path}` : `${code} ${path}`,
  );
}

/** A bundle as JSON, to be changed, and written again as an attacker would. */
export function change(bundle: string, edit: (value: never) => void): string {
  const value = JSON.parse(bundle) as never;
  edit(value);
  return canonicalText(value);
}

function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalText(member)}`);
  return `{${members.join()}}`;
}

function overWire(message: unknown): Record<string, unknown> {
  return JSON.parse(JSON.stringify(message));
}
