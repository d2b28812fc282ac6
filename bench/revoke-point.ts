// An enforcement point that follows a revocation log, and the agent that calls it. Started by soak-revocation.ts as a process of
// its own.
import { connect } from 'node:net';
import {
  createSigner,
  createVerifier,
  importPublicKey,
  parseNoteKey,
  prove,
  type VerifiedChain,
} from '@taper/core';
import {
  createEnforcementPoint,
  type EnforcementPoint,
  type RevocationQuery,
  type RevocationView,
} from '@taper/enforce';
import {
  createHttpRevocationSource,
  openRevocationFollower,
  type RevocationFollower,
} from '@taper/log';
import {
  AUDIENCE,
  ISSUER,
  monotonic,
  ORIGIN,
  type PointMessage,
  type PointOrder,
  type PointTask,
  TOOL,
} from './revoke-messages.ts';

/** Nobody may be there any more at the end. */
const tell = (message: PointMessage): void =>
  void process.send?.(message, undefined, undefined, () => {});
const now = (): number => Math.floor(Date.now() / 1000);

/** Chains that will be revoked, by the hash of their leaf, with what the point asks its view about them. */
const expected = new Map<string, { chain: VerifiedChain; query: RevocationQuery }>();
const calls: Record<string, number> = {};
const asked: Record<string, number> = {};
const problems: string[] = [];

async function open(task: PointTask): Promise<(order: PointOrder) => Promise<void>> {
  const logKey = parseNoteKey(task.logKey);
  if (logKey === undefined) throw new Error('No key of the log.');
  const anchors = [{ issuer: ISSUER, key: importPublicKey(task.anchor) }];
  const follower = await openRevocationFollower({
    source: createHttpRevocationSource(task.url, { fetch: counted }),
    trust: { origin: ORIGIN, keys: [logKey], witnesses: [], quorum: 0 },
    authority: [importPublicKey(task.authority)],
    pollInterval: task.pollInterval,
    report: ({ code }) => problems.push(code),
  });
  await follower.ready;
  const queries = new Map<string, RevocationQuery>();
  const revocation: RevocationView = {
    check(query, at) {
      queries.set(query.tokens.at(-1) ?? '', query);
      return follower.check(query, at);
    },
    ...(follower.onRevoked === undefined ? {} : { onRevoked: follower.onRevoked }),
  };
  const point = createEnforcementPoint({ audience: AUDIENCE, anchors, revocation });
  const verifier = createVerifier({ anchors, audience: AUDIENCE, profile: {} });
  const call = callerAt(point, task);
  const verified = (tokens: readonly string[]): VerifiedChain => {
    const verdict = verifier.verifyChain(tokens, now());
    if (verdict.verdict === 'deny') throw new Error(verdict.denial.code);
    return verdict.chain;
  };

  // A call that comes the moment after something was revoked: the first that can be denied.
  follower.onRevoked?.(() => callRevoked(follower, call));
  void callOn(call, verified(task.chain), task.pause);
  const socket = connect(task.barePort, '127.0.0.1');
  socket.on('data', () => tell({ kind: 'bare', at: monotonic() }));
  socket.on('error', () => {});

  return async (order) => {
    if (order.kind === 'status') {
      const { pushed } = follower.status();
      tell({ kind: 'status', status: { pushed, calls, asked, problems } });
      return;
    }
    for (const tokens of order.chains) {
      const chain = verified(tokens);
      const { hash } = chain.leaf;
      let code = await call(chain);
      // On a machine that is so busy that epochs come late.
      for (let tries = 0; code === 'revocation_stale' && tries < 100; tries += 1) {
        await sleep(100);
        code = await call(chain);
      }
      const query = queries.get(hash);
      if (code !== 'permit' || query === undefined) throw new Error(`Not permitted: ${code}.`);
      await sleep(0); // what is pushed meanwhile is to be heard
      expected.set(hash, { chain, query });
    }
    tell({ kind: 'expecting' });
  };
}

type Call = (chain: VerifiedChain) => Promise<string>;

/** Makes calls as the agent does, and says what became of them. */
function callerAt(point: EnforcementPoint, { agentKey }: PointTask): Call {
  const signer = createSigner(agentKey);
  return async (chain) => {
    const id = crypto.randomUUID();
    const made = { signer, tool: TOOL, args: {}, now: now(), id, audience: AUDIENCE };
    const decision = await point.authorize(await prove(chain, made), TOOL, {});
    return decision.verdict === 'deny' ? decision.denial.code : decision.verdict;
  };
}

function callRevoked(follower: RevocationFollower, call: Call): void {
  for (const [leaf, { chain, query }] of expected) {
    if (follower.check(query, now()).verdict !== 'revoked') continue;
    expected.delete(leaf);
    void call(chain).then((code) => tell({ kind: 'denied', leaf, at: monotonic(), code }));
  }
}

/** A chain that nobody revokes is called again and again. */
async function callOn(call: Call, chain: VerifiedChain, pause: number): Promise<void> {
  await sleep(Math.random() * pause);
  for (;;) {
    const code = await call(chain);
    calls[code] = (calls[code] ?? 0) + 1;
    if (code !== 'permit') tell({ kind: 'refused', at: monotonic(), code });
    await sleep(pause);
  }
}

/** Whom the follower asks. */
const counted: typeof fetch = (input, init) => {
  const { host } = new URL(input instanceof Request ? input.url : input);
  asked[host] = (asked[host] ?? 0) + 1;
  return fetch(input, init);
};

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

process.on('disconnect', () => process.exit());
process.once('message', (task: PointTask) => void begin(task));

async function begin(task: PointTask): Promise<void> {
  const obey = await open(task);
  process.on('message', (order) => void obey(order as never));
  tell({ kind: 'ready' });
}
