import { randomBytes } from 'node:crypto';
import type { AdministratorClient } from '@taper/cli/administrator-client';
import { createHolderClient } from '@taper/cli/holder-client';
import { type JsonObject, platform, type Signer } from '@taper/core';
import type { TokenClient } from './authority-client.ts';
import { Breach, type Ledger } from './authority-ledger.ts';
import { type FormRequest, type Holder, newSigner, rootRequest } from './authority-requests.ts';

/** A request whose answer never came: it may have been done. */
type Unanswered =
  | { readonly kind: 'root'; readonly form: FormRequest }
  | { readonly kind: 'enrolment'; readonly signer: Signer; readonly token: string };

export interface WorkOptions {
  readonly ledger: Ledger;
  readonly issuer: string;
  readonly desk: Holder;
  readonly tokens: TokenClient;
  readonly client: AdministratorClient;
  /** A number from 0 on and below 1. */
  readonly random: () => number;
}

/** Asks for everything at once, and keeps account of the answers. Between lives it remembers what was never answered. */
export interface Workers {
  /** Asks until the node is gone, or `stop` is called. @throws {Breach} */
  work(width: number): Promise<void>;
  stop(): void;
  /** Sends what was not answered once more, and some of what was: nothing is done twice. @throws {Breach} */
  repeat(): Promise<void>;
  /** One root, as a sign of life. @throws where the node does not answer. */
  knock(): Promise<void>;
  /** One revocation, likewise. */
  knockForRevocation(): Promise<void>;
}

const clock = (): number => Math.floor(Date.now() / 1000);

export function createWorkers({
  ledger,
  issuer,
  desk,
  tokens,
  client,
  random,
}: WorkOptions): Workers {
  const target = `${issuer}/oauth/token`;
  let nonce: string | undefined;
  let stopped = true;
  let unanswered: Unanswered[] = [];
  let answered: FormRequest[] = [];
  const revocable: { readonly token: string; readonly expiresAt: number }[] = [];

  async function askForRoot(form: FormRequest): Promise<'issued' | 'refused'> {
    const { status, text, nonce: next } = await tokens.send(form);
    nonce = next ?? nonce;
    const answer: JsonObject = JSON.parse(text);
    const { access_token: token, expires_in: seconds } = answer;
    if (status === 200 && typeof token === 'string') {
      const hash = platform.sha256(platform.asciiBytes(token.slice(0, token.lastIndexOf('.'))));
      ledger.roots.add(hash);
      revocable.push({ token: hash, expiresAt: clock() + Number(seconds) });
      answered.push(form);
      return 'issued';
    }
    if (status >= 500 || status === 429) throw new Error(`${status} ${text}`);
    return 'refused';
  }

  async function root(): Promise<void> {
    nonce ??= await tokens.nonce();
    const form = await rootRequest(desk, target, nonce);
    ledger.asked += 1;
    unanswered.push({ kind: 'root', form });
    const outcome = await askForRoot(form);
    unanswered = unanswered.filter((each) => each.kind !== 'root' || each.form !== form);
    // Such as a nonce that grew old.
    if (outcome === 'refused') nonce = undefined;
  }

  async function enrolment(): Promise<void> {
    const name = `agent-${randomBytes(8).toString('hex')}`;
    const { data, error } = await client.POST('/admin/tenants/{tenant}/enrolments', {
      params: { path: { tenant: 'acme' } },
      body: { agent: name },
    });
    if (data === undefined) throw new Error(JSON.stringify(error));
    const asked: Unanswered = { kind: 'enrolment', signer: newSigner(), token: data.token };
    unanswered.push(asked);
    await enrol(asked.signer, data.token);
    unanswered = unanswered.filter((each) => each !== asked);
  }

  async function enrol(signer: Signer, token: string): Promise<void> {
    const holder = createHolderClient(issuer, signer, clock, (length) => randomBytes(length));
    const { spiffe_id: id } = await holder.send({ path: '/agents', body: { enrolment: token } });
    if (typeof id !== 'string') throw new Error('an enrolment without an answer');
    ledger.enrolled.set(signer.publicKey.thumbprint, id);
  }

  async function revocation(): Promise<void> {
    const place = Math.floor(random() * revocable.length);
    const [chosen] = revocable.splice(place, 1);
    if (chosen === undefined) return;
    const { token, expiresAt } = chosen;
    const { data, error } = await client.POST('/admin/revocations', {
      body: { target: { kind: 'token', token, root: token }, expires_at: expiresAt },
    });
    if (data === undefined) throw new Error(JSON.stringify(error));
    ledger.revocations.set(data.index, data.entry);
  }

  /** What was acknowledged is not done again, in the same life or the next. */
  async function again(): Promise<void> {
    const form = answered[Math.floor(random() * answered.length)];
    if (form === undefined) return;
    if ((await askForRoot(form)) === 'issued') throw new Breach('a proof was good for two roots');
  }

  async function step(): Promise<void> {
    const lot = random();
    if (lot < 0.6) return root();
    if (lot < 0.8) return enrolment();
    if (lot < 0.9) return revocation();
    return again();
  }

  return {
    async work(width) {
      stopped = false;
      const worker = async (): Promise<void> => {
        while (!stopped) {
          try {
            await step();
          } catch (cause) {
            if (cause instanceof Breach) throw cause;
            // The node is gone, or was for a moment.
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
        }
      };
      await Promise.all(Array.from({ length: width }, worker));
    },
    stop() {
      stopped = true;
    },
    async repeat() {
      const open = unanswered;
      unanswered = [];
      for (const each of open) {
        if (each.kind === 'root') {
          const outcome = await askForRoot(each.form);
          if (outcome === 'issued' && (await askForRoot(each.form)) === 'issued')
            throw new Breach('a proof was good for two roots');
          continue;
        }
        // Whoever got no answer asks again, or is there already: then it renews its identity.
        const { signer, token } = each;
        const isIn = await enrol(signer, token).then(
          () => true,
          () => false,
        );
        if (isIn) continue;
        const holder = createHolderClient(issuer, signer, clock, (length) => randomBytes(length));
        const { spiffe_id: id } = await holder.send({ path: '/identity', body: {} });
        ledger.enrolled.set(signer.publicKey.thumbprint, String(id));
      }
      for (const form of answered.slice(-10))
        if ((await askForRoot(form)) === 'issued')
          throw new Breach('a proof was good for two roots');
      answered = answered.slice(-10);
    },
    knock: root,
    async knockForRevocation() {
      if (revocable.length === 0) await root();
      await revocation();
    },
  };
}
