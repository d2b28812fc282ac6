import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJson,
  type TaperError,
} from '@taper/core';
import { createParser } from 'eventsource-parser';
import {
  type ExchangeOptions,
  exchange,
  parsePrefix,
  parseTimeout,
  refusedAnswer,
} from '../client/exchange.ts';
import { LogError } from '../port/log-error.ts';
import type { PushedEvent, RevocationSource, TailPage } from './source.ts';

export interface HttpRevocationSourceOptions extends ExchangeOptions {
  /** Plain HTTP beyond this machine. Nothing is believed for where it came from, but whoever is in between can hold it back. Default false. */
  readonly allowHttp?: boolean;
  /** Milliseconds without a single byte after which a pushing connection counts as dead; the service sends something every 10 seconds. Default 30,000. */
  readonly silence?: number;
}

/** Bytes of a page: 1 MB of entries, each byte of which may take two in JSON, or one entry that is longer; and a checkpoint. */
const MAX_PAGE = 4_000_000;

/** Most entries in one page or event (spec/revocation.md section 9). */
const MAX_ENTRIES = 1_000;

/** UTF-16 code units of one line of a snapshot: three hashes, a name, or a record with its proofs and checkpoint. */
const MAX_LINE = 1_100_000;

/** Milliseconds for a whole snapshot. */
const SNAPSHOT_TIMEOUT = 300_000;

/**
 * A revocation log over HTTP: paging, server-sent events, snapshots (spec/revocation.md section 9).
 *
 * @param prefix the address of the service, such as `https://authority.example/revocation`.
 * @throws {TaperError} `option_invalid`.
 */
export function createHttpRevocationSource(
  prefix: string,
  options: HttpRevocationSourceOptions = {},
): RevocationSource {
  const base = parsePrefix(prefix, options.allowHttp);
  const timeout = parseTimeout(options.timeout);
  const silence = parseTimeout(options.silence ?? 30_000);
  const { fetch = globalThis.fetch } = options;

  async function open(path: string, accept: string, signal: AbortSignal): Promise<ReadableStream> {
    const response = await fetch(`${base}/${path}`, {
      headers: { Accept: accept },
      redirect: 'error',
      credentials: 'omit',
      cache: 'no-store',
      signal,
    });
    const isAccepted = response.headers.get('content-type')?.split(';', 1)[0]?.trim() === accept;
    if (response.status === 200 && isAccepted && response.body !== null) return response.body;
    await response.body?.cancel();
    throw refusedAnswer(path, response.status);
  }

  return Object.freeze<RevocationSource>({
    async tail(from, signal) {
      const item = `tail from ${from}`;
      const url = `${base}/tail?from=${from}`;
      const { status, bytes } = await exchange(
        url,
        { headers: { Accept: 'application/json' } },
        {
          item,
          most: MAX_PAGE,
          timeout,
          fetch: (to, init) => fetch(to, { ...init, signal: joined(init.signal, signal) }),
        },
      );
      if (status !== 200 && status !== 409) throw refusedAnswer(item, status);
      const page = readPage(parseText(decode(bytes)), from, status === 409);
      if (page === undefined) throw malformed(item);
      return page;
    },
    async *events(from, signal) {
      const quiet = new Silence(silence, signal);
      try {
        const body = await open(`events?from=${from}`, 'text/event-stream', quiet.signal);
        yield* readEvents(body, quiet);
      } finally {
        quiet.end();
      }
    },
    async *agents(atLeast, signal) {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(SNAPSHOT_TIMEOUT)]);
      yield* readLines(await open(`agents?size=${atLeast}`, 'application/x-ndjson', limited));
    },
    async *snapshot(signal) {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(SNAPSHOT_TIMEOUT)]);
      yield* readLines(await open('snapshot', 'application/x-ndjson', limited));
    },
  });
}

function joined(one: AbortSignal | null | undefined, other: AbortSignal): AbortSignal {
  return one ? AbortSignal.any([one, other]) : other;
}

/** Aborts when nothing has been heard for a while. */
class Silence {
  readonly signal: AbortSignal;
  readonly #controller: AbortController = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(milliseconds: number, signal: AbortSignal) {
    this.signal = AbortSignal.any([signal, this.#controller.signal]);
    this.#timer = setTimeout(() => this.#controller.abort(), milliseconds);
    this.#timer.unref();
  }

  heard(): void {
    this.#timer.refresh();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#controller.abort();
  }
}

async function* readEvents(body: ReadableStream, quiet: Silence): AsyncIterable<PushedEvent> {
  let events: PushedEvent[] = [];
  let isBroken = false;
  const parser = createParser({
    maxBufferSize: MAX_PAGE,
    onEvent({ event, data }) {
      const read = readEvent(event, data);
      if (read === 'malformed') isBroken = true;
      else if (read !== undefined) events.push(read);
    },
    onError({ type }) {
      if (type === 'max-buffer-size-exceeded') isBroken = true;
    },
  });
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const ends = new LineEnds();
  for await (const bytes of body as ReadableStream<Uint8Array>) {
    quiet.heard();
    parser.feed(ends.unified(decoder.decode(bytes, { stream: true })));
    const read = events;
    events = [];
    yield* read;
    if (isBroken) throw malformed('events');
  }
}

/**
 * Line feeds in place of the other line ends that server-sent events may have. The parser looks for both to the end of a piece, line
 * by line: a piece full of carriage returns would take it a second.
 */
class LineEnds {
  #isSplit = false;

  unified(text: string): string {
    const rest = this.#isSplit && text.startsWith('\n') ? text.slice(1) : text;
    if (text !== '') this.#isSplit = text.endsWith('\r');
    return rest.replaceAll(/\r\n?/g, '\n');
  }
}

/** `undefined` for an event of another kind. */
function readEvent(event: string | undefined, data: string): PushedEvent | 'malformed' | undefined {
  if (event !== 'entries' && event !== 'checkpoint') return undefined;
  const value = parseText(data);
  if (!isJsonObject(value)) return 'malformed';
  if (event === 'checkpoint') {
    const checkpoint = textIn(value, 'checkpoint');
    return checkpoint === undefined ? 'malformed' : { checkpoint };
  }
  const from = value['from'];
  const entries = entriesIn(value);
  return isIndex(from) && entries !== undefined ? { from, entries } : 'malformed';
}

function readPage(
  value: JsonValue | undefined,
  from: number,
  isAhead: boolean,
): TailPage | undefined {
  if (!isJsonObject(value)) return undefined;
  const checkpoint = textIn(value, 'checkpoint');
  if (checkpoint === undefined) return undefined;
  if (isAhead) return { from, entries: [], checkpoint, more: false };
  const entries = entriesIn(value);
  const { from: given, more } = value;
  if (given !== from || entries === undefined || typeof more !== 'boolean') return undefined;
  return { from, entries, checkpoint, more };
}

function entriesIn(value: JsonObject): readonly string[] | undefined {
  const { entries } = value;
  if (!Array.isArray(entries) || entries.length > MAX_ENTRIES) return undefined;
  const areTexts = entries.every((each) => typeof each === 'string' && each.isWellFormed());
  return areTexts ? (entries as readonly string[]) : undefined;
}

function textIn(value: JsonObject, name: string): string | undefined {
  const text = Object.hasOwn(value, name) ? value[name] : undefined;
  return typeof text === 'string' ? text : undefined;
}

function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function parseText(text: string | undefined): JsonValue | undefined {
  const parsed = text === undefined ? undefined : parseJson(text);
  return parsed?.ok === true ? parsed.value : undefined;
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

async function* readLines(body: ReadableStream): AsyncIterable<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  for await (const bytes of body as ReadableStream<Uint8Array>) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop() as string;
    if (rest.length > MAX_LINE) throw malformed('snapshot');
    yield* lines;
  }
  if (rest !== '') throw malformed('snapshot');
}

function malformed(item: string): TaperError {
  return new LogError('log_unverified', item, `${item}: the answer is none of a revocation log.`, {
    hint: 'Check the address: it is the prefix of the service, without /tail.',
  });
}
