import { platform, type Signer } from '@taper/core';
import type { RootKey } from './authority-devices.ts';
import { asRequest, type Office, openOffice } from './authority-office.ts';
import { exchangeRequest, type FormRequest, rootRequest } from './authority-requests.ts';
import type { Place } from './authority-stores.ts';
import { drive, type Load, middle } from './load.ts';
import { median } from './measure.ts';

/** The least that issuing costs here, in the same rounds; milliseconds. */
export interface Bare {
  /** One signature made and checked by the backend, alone. */
  readonly signature: number;
  /** The root key's own. */
  readonly rootSignature: number;
  /** One durable commit. */
  readonly commit: number;
}

/** One way to ask, on one store, with one root key. */
export interface IssuanceFigure {
  readonly what: 'issuance alone' | 'root' | 'exchange';
  readonly store: string;
  readonly key: string;
  readonly width: number;
  readonly load: Load;
  /** Processor time for one request, of all threads that the authority runs in; milliseconds. */
  readonly processor: number;
  readonly bare: Bare;
  /** Milliseconds from the start of the first to the end of the last, for each, to those of {@link Bare}. */
  readonly ratios: Bare;
}

export interface IssuanceEffort {
  readonly rounds: number;
  /** Requests of a round. */
  readonly requests: number;
  readonly widths: readonly number[];
}

interface Asking {
  readonly what: IssuanceFigure['what'];
  /** Makes so many requests, which is not timed, and answers how to send them. */
  prepare(count: number): Promise<readonly (() => Promise<void>)[]>;
}

/** How fast roots are issued without sockets: the issuance alone, and the token endpoint as a function, for roots and for exchanges. */
export async function measureIssuance(
  place: Place,
  key: RootKey,
  { rounds, requests, widths }: IssuanceEffort,
): Promise<readonly IssuanceFigure[]> {
  const store = await place.openStore();
  const office = await openOffice(store, key.signer);
  const figures: IssuanceFigure[] = [];
  try {
    const ways = waysToAsk(office);
    for (const width of widths) {
      const loads = new Map(ways.map(({ what }) => [what, [] as Load[]]));
      const processor = new Map(ways.map(({ what }) => [what, 0]));
      const bares: Bare[] = [];
      for (let round = -1; round < rounds; round += 1) {
        const bare = await measureBare(place, key, office, Math.min(requests, 100));
        if (round >= 0) bares.push(bare);
        const first = (round + 1) % ways.length;
        for (const { what, prepare } of [...ways.slice(first), ...ways.slice(0, first)]) {
          const prepared = await prepare(requests);
          const before = process.cpuUsage();
          const load = await drive(prepared, width, (send) => send());
          if (round < 0) continue;
          const { user, system } = process.cpuUsage(before);
          loads.get(what)?.push(load);
          processor.set(what, (processor.get(what) ?? 0) + (user + system) / 1000);
        }
      }
      for (const { what } of ways) {
        const measured = loads.get(what) ?? [];
        figures.push({
          what,
          store: place.name,
          key: key.name,
          width,
          load: middle(measured),
          processor: (processor.get(what) ?? 0) / (rounds * requests),
          ...compared(measured, bares),
        });
      }
    }
  } finally {
    await store.close();
  }
  return figures;
}

/** The medians, and the medians of the rounds' ratios. */
export function compared(
  loads: readonly Load[],
  bares: readonly Bare[],
): Pick<IssuanceFigure, 'bare' | 'ratios'> {
  const over = (pick: (bare: Bare, round: number) => number): number => median(bares.map(pick));
  const all = (pick: (member: keyof Bare) => number): Bare => ({
    signature: pick('signature'),
    rootSignature: pick('rootSignature'),
    commit: pick('commit'),
  });
  return {
    bare: all((member) => over((bare) => bare[member])),
    ratios: all((member) =>
      over((bare, round) => 1000 / (loads[round]?.perSecond ?? Number.NaN) / bare[member]),
    ),
  };
}

function waysToAsk(office: Office): readonly Asking[] {
  const { issuance, endpoint, request, url, desk, till } = office;
  const many = async <Each>(count: number, make: () => Promise<Each>): Promise<Each[]> => {
    const made: Each[] = [];
    for (let index = 0; index < count; index += 1) made.push(await make());
    return made;
  };
  const asks = (forms: readonly FormRequest[]) =>
    forms.map((form) => async (): Promise<void> => {
      const response = await endpoint(asRequest(url, form));
      requireRoot(response.status, await response.text());
    });
  return [
    {
      what: 'issuance alone',
      prepare: (count) =>
        many(count, async () => async (): Promise<void> => {
          await issuance.issueRoot(request);
        }),
    },
    {
      what: 'root',
      prepare: async (count) =>
        asks(await many(count, () => rootRequest(desk, url, office.nonce()))),
    },
    {
      what: 'exchange',
      async prepare(count) {
        // A chain of its own for each: nothing of it is known.
        const subjects: string[] = [];
        while (subjects.length < count)
          subjects.push(
            ...(await Promise.all(
              Array.from({ length: Math.min(64, count - subjects.length) }, () =>
                office.newSubject(),
              ),
            )),
          );
        const forms = await Promise.all(
          subjects.map((subject) =>
            exchangeRequest(till, subject, office.issuer, url, office.nonce()),
          ),
        );
        return asks(forms);
      },
    },
  ];
}

/** @throws where there is no root in the answer: a refusal must not be measured. */
export function requireRoot(status: number, text: string): string {
  const token = status === 200 ? JSON.parse(text)['access_token'] : undefined;
  if (typeof token === 'string') return token;
  throw new Error(`no root: ${status} ${text}`);
}

async function measureBare(
  place: Place,
  key: RootKey,
  { desk }: Office,
  count: number,
): Promise<Bare> {
  return {
    signature: await timeOf(count, () => signAndCheck(desk.signer)),
    rootSignature: await timeOf(count, async () => {
      await key.signer.sign(INPUT);
    }),
    commit: await timeOf(count, () => place.commit()),
  };
}

/** Milliseconds for each, one after the other. */
export async function timeOf(count: number, work: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  for (let index = 0; index < count; index += 1) await work();
  return (performance.now() - begun) / count;
}

/** As long as the signing input of a root. */
const INPUT = Buffer.alloc(1000, 'x');

/** One signature made and checked, bare. */
export async function signAndCheck(signer: Signer): Promise<void> {
  const signature = await signer.sign(INPUT);
  if (platform.verify?.(signer.publicKey, INPUT, signature) !== true)
    throw new Error('A signature of our own does not verify.');
}
