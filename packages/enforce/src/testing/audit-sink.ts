import { deepStrictEqual, rejects, strictEqual } from 'node:assert/strict';
import { hash } from 'node:crypto';
import type { AuditLine, AuditSink, AuditTip } from '../port/audit-sink.ts';
import type { ContractTest } from './contract.ts';

/** How to get at what a sink keeps beside its lines. */
export interface KeptBeside<Sink> {
  salt(sink: Sink, emitter: string, sequence: number): Promise<string | undefined>;
  evidence(sink: Sink, emitter: string, sequence: number): Promise<string | undefined>;
  erase(sink: Sink, emitter: string, sequence: number): Promise<void>;
}

export interface AuditSinkContract<Sink extends AuditSink = AuditSink> {
  readonly test: ContractTest;
  /** An empty sink of its own for each test. `reopen` gives one on the same store, as another process or a restart would. */
  open(): Promise<{
    readonly sink: Sink;
    reopen?(): Promise<Sink>;
    close(): Promise<void>;
  }>;
  /** `one`: the sink is for one emitter alone. */
  readonly emitters: 'one' | 'many';
  /** Whether what is appended outlives the process: then `open` gives `reopen`. */
  readonly durable: boolean;
  /** Lines for the sink, where it looks into them. Default: any JSON. */
  readonly lines?: (emitter: string, count: number) => Promise<readonly AuditLine[]>;
  /** Given for a sink that keeps salt and evidence; one that drops them has none. */
  readonly kept?: KeptBeside<Sink>;
}

/** Tests that a driver of {@link AuditSink} keeps what the port promises. */
export function auditSinkContract<Sink extends AuditSink>({
  test,
  open,
  emitters,
  durable,
  lines = anyLines,
  kept,
}: AuditSinkContract<Sink>): void {
  function check(
    title: string,
    body: (sink: Sink, reopen: (() => Promise<Sink>) | undefined) => Promise<void>,
  ): void {
    test(title, async () => {
      const { sink, reopen, close } = await open();
      try {
        await body(sink, reopen);
      } finally {
        await close();
      }
    });
  }

  check('knows no end for an emitter of which it has nothing', async (sink) => {
    strictEqual(await sink.tip('a'), undefined);
  });

  check('ends with the last line appended, over several appends', async (sink) => {
    const [first, second, third] = await three('a');
    strictEqual(await sink.append([first]), 'appended');
    deepStrictEqual(plain(await sink.tip('a')), tipOf(first));
    strictEqual(await sink.append([second, third]), 'appended');
    deepStrictEqual(plain(await sink.tip('a')), tipOf(third));
  });

  check(
    'answers conflict for lines that do not follow the end, and appends none of them',
    async (sink) => {
      const [first, second, third] = await three('a');
      strictEqual(await sink.append([second]), 'conflict');
      strictEqual(await sink.tip('a'), undefined);
      await sink.append([first]);
      strictEqual(await sink.append([first]), 'conflict');
      strictEqual(await sink.append([first, second]), 'conflict');
      strictEqual(await sink.append([third]), 'conflict');
      deepStrictEqual(plain(await sink.tip('a')), tipOf(first));
      strictEqual(await sink.append([second, third]), 'appended');
    },
  );

  check('lets exactly one of two racing writers append after the same end', async (sink) => {
    const [first, second] = await three('a');
    await sink.append([first]);
    const verdicts = await Promise.all([sink.append([second]), sink.append([second])]);
    deepStrictEqual(verdicts.toSorted(), ['appended', 'conflict']);
    deepStrictEqual(plain(await sink.tip('a')), tipOf(second));
  });

  check('keeps many lines of one append, and a line of any length', async (sink) => {
    const many = await lines('a', 300);
    strictEqual(await sink.append(many), 'appended');
    deepStrictEqual(plain(await sink.tip('a')), tipOf(many.at(-1) as AuditLine));
  });

  if (emitters === 'many') {
    check('keeps the sequences of several emitters apart', async (sink) => {
      const [a] = await three('a');
      const [b, c] = await three('b');
      strictEqual(await sink.append([a]), 'appended');
      strictEqual(await sink.tip('b'), undefined);
      strictEqual(await sink.append([b, c]), 'appended');
      deepStrictEqual(plain(await sink.tip('a')), tipOf(a));
      deepStrictEqual(plain(await sink.tip('b')), tipOf(c));
    });
  } else {
    check('refuses the lines of another emitter, and keeps its own', async (sink) => {
      const [a, next] = await three('a');
      const [b] = await three('b');
      await sink.append([a]);
      await rejects(async () => sink.append([b]));
      strictEqual(await sink.tip('b'), undefined);
      strictEqual(await sink.append([next]), 'appended');
    });
  }

  if (durable) {
    check('has after a restart all that it had acknowledged', async (sink, reopen) => {
      const [first, second, third] = await three('a');
      await sink.append([first, second]);
      const again = await (reopen as () => Promise<Sink>)();
      deepStrictEqual(plain(await again.tip('a')), tipOf(second));
      strictEqual(await again.append([second]), 'conflict');
      strictEqual(await again.append([third]), 'appended');
      deepStrictEqual(plain(await again.tip('a')), tipOf(third));
    });
  }

  if (kept !== undefined) {
    check('S16: keeps salt and evidence beside a line, each its own', async (sink) => {
      const [first, second, third] = await three('a');
      const evident = { ...first, evidence: '{"arguments":"one"}' };
      await sink.append([evident, second]);
      await sink.append([{ ...third, evidence: 'x'.repeat(100_000) }]);
      strictEqual(await kept.salt(sink, 'a', 1), first.salt);
      strictEqual(await kept.evidence(sink, 'a', 1), evident.evidence);
      strictEqual(await kept.salt(sink, 'a', 2), second.salt);
      strictEqual(await kept.evidence(sink, 'a', 2), undefined);
      strictEqual(await kept.evidence(sink, 'a', 3), 'x'.repeat(100_000));
      strictEqual(await kept.evidence(sink, 'a', 4), undefined);
    });

    check('S16: forgets salt and evidence together, and keeps the line', async (sink) => {
      const [first, second, third] = await three('a');
      const evidence = '{"arguments":"two"}';
      await sink.append([
        { ...first, evidence },
        { ...second, evidence },
      ]);
      await kept.erase(sink, 'a', 1);
      await kept.erase(sink, 'a', 1);
      strictEqual((await kept.salt(sink, 'a', 1)) || undefined, undefined);
      strictEqual(await kept.evidence(sink, 'a', 1), undefined);
      strictEqual(await kept.salt(sink, 'a', 2), second.salt);
      strictEqual(await kept.evidence(sink, 'a', 2), evidence);
      deepStrictEqual(plain(await sink.tip('a')), tipOf(second));
      strictEqual(await sink.append([third]), 'appended');
    });

    check('keeps no evidence of lines that it did not append', async (sink) => {
      const [first, second] = await three('a');
      await sink.append([first]);
      strictEqual(await sink.append([{ ...first, evidence: 'of another history' }]), 'conflict');
      strictEqual(await kept.evidence(sink, 'a', 1), undefined);
      strictEqual(await sink.append([second]), 'appended');
    });
  }

  if (kept !== undefined && durable) {
    check('has salt and evidence after a restart', async (sink, reopen) => {
      const [first, second] = await three('a');
      await sink.append([
        { ...first, evidence: 'one' },
        { ...second, evidence: 'two' },
      ]);
      await kept.erase(sink, 'a', 2);
      const again = await (reopen as () => Promise<Sink>)();
      strictEqual(await kept.evidence(again, 'a', 1), 'one');
      strictEqual(await kept.salt(again, 'a', 1), first.salt);
      strictEqual(await kept.evidence(again, 'a', 2), undefined);
    });
  }

  async function three(emitter: string): Promise<readonly [AuditLine, AuditLine, AuditLine]> {
    return (await lines(emitter, 3)) as [AuditLine, AuditLine, AuditLine];
  }
}

function plain(tip: AuditTip | undefined): AuditTip | undefined {
  return tip && tipOf(tip);
}

function tipOf({ sequence, hash: last }: AuditTip): AuditTip {
  return { sequence, hash: last };
}

async function anyLines(emitter: string, count: number): Promise<readonly AuditLine[]> {
  return Array.from({ length: count }, (_, index): AuditLine => {
    const line = JSON.stringify({ emitter, sequence: index + 1, text: 'x'.repeat(index ** 2) });
    return {
      emitter,
      sequence: index + 1,
      hash: hash('sha256', line, 'base64url'),
      line,
      salt: 'A'.repeat(22),
    };
  });
}
