import { type NoteKey, parseSignatureLine, verifyCheckpointAsync } from '@taper/core';
import { LogError } from '../port/log-error.ts';
import type { TileSource } from '../port/tile-store.ts';
import type { Witness } from '../port/witness.ts';
import { createLogReader } from '../reader/log-reader.ts';
import type { TreeHead } from '../tile/load-edge.ts';

/** The witnesses of a log as its writer deals with them. */
export interface WitnessPanel {
  /**
   * Collects cosignatures of a signed checkpoint, until there are enough. Answers the note with them.
   * @throws {LogError} `log_unavailable` when they do not come; `log_rolled_back` when so many witnesses have seen more of this
   * log than is here that the others are too few.
   */
  collect(note: string, head: TreeHead): Promise<string>;
  /**
   * Shows the last checkpoint of a log that is being opened to those who saw it grow. Who does not answer is not waited for.
   * @throws {LogError} `log_rolled_back`.
   */
  askAtOpening(note: string, published: TreeHead, size: number): Promise<void>;
}

export interface WitnessPanelOptions {
  readonly origin: string;
  readonly key: NoteKey;
  readonly tiles: TileSource;
  readonly witnesses: readonly Witness[];
  readonly quorum: number;
  /** Milliseconds. */
  readonly patience: number;
}

/** How often a witness is asked for one checkpoint: it may have seen another size than was thought. */
const ATTEMPTS = 3;

export function createWitnessPanel(options: WitnessPanelOptions): WitnessPanel {
  const { origin, key, tiles, witnesses, quorum, patience } = options;
  /** The size that each witness saw last. */
  const seen = new Map<Witness, number>();

  /** The lines of its signatures that verify; `ahead` when it has seen more than `limit` entries. */
  async function ask(
    witness: Witness,
    note: string,
    head: TreeHead,
    limit: number,
  ): Promise<readonly string[] | 'ahead'> {
    const reader = createLogReader({ source: tiles, head: () => head });
    let old = Math.min(seen.get(witness) ?? head.size, head.size);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const answer = await witness.cosign(note, old, await reader.consistencyProof(old, head.size));
      if (isLines(answer)) {
        seen.set(witness, head.size);
        return await soundLines(answer, witness.key, note);
      }
      const { size } = answer;
      if (!Number.isSafeInteger(size) || size < 0) throw nonsense(witness);
      if (size > limit) return 'ahead';
      if (size > head.size) return [];
      old = size;
    }
    throw nonsense(witness);
  }

  /** A line that does not verify would spoil the whole note. */
  async function soundLines(
    lines: readonly string[],
    witness: NoteKey,
    note: string,
  ): Promise<readonly string[]> {
    for (const line of lines.slice(0, 16)) {
      const text = line.endsWith('\n') ? line.slice(0, -1) : line;
      const signature = parseSignatureLine(text);
      if (signature?.name !== witness.name || signature.id !== witness.id) continue;
      const trust = { origin, keys: [key], witnesses: [witness], quorum: 1 };
      const verdict = await verifyCheckpointAsync(`${note}${text}\n`, trust);
      if (verdict.ok) return [text];
    }
    return [];
  }

  /** Asks all of them; stops as soon as `enough` says so. */
  async function askAll(
    note: string,
    head: TreeHead,
    limit: number,
    enough: (lines: readonly string[], ahead: number) => boolean,
  ): Promise<{ readonly lines: readonly string[]; readonly ahead: readonly Witness[] }> {
    const lines: string[] = [];
    const ahead: Witness[] = [];
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patience);
      const asked = witnesses.map(async (witness) => {
        try {
          const answer = await ask(witness, note, head, limit);
          if (answer === 'ahead') ahead.push(witness);
          else lines.push(...answer);
        } catch {
          // It does not cosign this time.
        }
        if (enough(lines, ahead.length)) resolve();
      });
      void Promise.all(asked).then(() => resolve());
    });
    clearTimeout(timer);
    return { lines: [...lines], ahead: [...ahead] };
  }

  const tooFewAreLeft = (ahead: number): boolean => ahead > witnesses.length - quorum;

  return {
    async collect(note, head) {
      const { lines, ahead } = await askAll(
        note,
        head,
        head.size,
        (got, others) => got.length >= quorum || tooFewAreLeft(others),
      );
      if (tooFewAreLeft(ahead.length)) throw rolledBack(ahead);
      if (lines.length < quorum) {
        const item = witnesses.map(({ key: { name } }) => name).join(', ');
        throw new LogError(
          'log_unavailable',
          item,
          `${lines.length} of ${quorum} witnesses cosigned the checkpoint.`,
          {
            hint: 'The entries are durable; the checkpoint is not shown to anybody before enough witnesses have cosigned it.',
          },
        );
      }
      const cosigned = `${note}${lines.map((line) => `${line}\n`).join('')}`;
      const verdict = await verifyCheckpointAsync(cosigned, {
        origin,
        keys: [key],
        witnesses: witnesses.map((witness) => witness.key),
        quorum,
      });
      if (verdict.ok) return cosigned;
      throw new LogError('log_unavailable', origin, 'The cosigned checkpoint does not verify.');
    },
    async askAtOpening(note, published, size) {
      const { ahead } = await askAll(note, published, size, (_, others) => tooFewAreLeft(others));
      if (tooFewAreLeft(ahead.length)) throw rolledBack(ahead);
    },
  };
}

function isLines(
  answer: readonly string[] | { readonly size: number },
): answer is readonly string[] {
  return Array.isArray(answer);
}

function rolledBack(witnesses: readonly Witness[]): LogError {
  const names = witnesses.map(({ key }) => key.name).join(', ');
  return new LogError(
    'log_rolled_back',
    names,
    `${names} has seen more entries of this log than are here.`,
    {
      hint: 'The stores are old copies: going on from here would make a second history. Bring back the newest ones, or begin a log with a new origin and a new key.',
    },
  );
}

function nonsense({ key }: Witness): LogError {
  return new LogError('log_unavailable', key.name, `${key.name} answered nonsense.`);
}
