import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { buildEvidence } from '@taper/core';
import { type AuditSidecar, auditEvidenceSource } from '@taper/log';
import { readFileAuditSidecar } from '@taper/log/file';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { type EventFilter, eventsOf, selectEvents } from '../evidence/selection.ts';
import { type MadeStaple, makeStaples, noteChains, type UsedChains } from '../evidence/staples.ts';
import { Failure } from '../failure.ts';
import { readAnchors } from '../file/anchors.ts';
import { readInput } from '../file/read.ts';
import { writeFiles } from '../file/write.ts';
import { withLog } from '../log/failure.ts';
import {
  openPlace,
  type PlaceOptions,
  readerOf,
  readNote,
  requireCheckpoint,
} from '../log/place.ts';
import { flagOption, forceOption, listOption, outOption, valueOption } from '../option.ts';
import type { Session } from '../session.ts';
import { parseTime } from '../text/time.ts';

interface EvidenceExportOptions extends PlaceOptions {
  readonly beside?: string;
  readonly chain?: string;
  readonly agent?: string;
  readonly from?: string;
  readonly until?: string;
  readonly resource?: string;
  readonly event?: string;
  readonly revocationLog?: string;
  readonly revocationLogFile?: string;
  readonly anchors?: readonly string[];
  readonly held?: readonly string[];
  readonly withholdArguments?: boolean;
  readonly out?: string;
  readonly force?: boolean;
}

/** In the folder of an audit log: what may be erased. */
const BESIDE = 'erasable';

export const evidenceExport: AnyCommand = defineCommand<EvidenceExportOptions>({
  name: 'evidence export',
  summary: 'write one bundle with which anybody can check what agents did',
  description:
    'Writes an evidence bundle from an audit log: the events that the options name, what is needed to judge them, and the ' +
    'proof of where each stands and how many there are in all. Without an option that names some, all events are shown. ' +
    'Events without which another could not be judged (the decision of an outcome, the opening of a session) come along.\n\n' +
    'With --revocation-log the bundle proves that chains were not revoked when they were used; for that it needs --anchors, ' +
    'and the log as it was written, not only its latest state. The bundle is checked by `taper verify`, under a policy that ' +
    'does not come from you.',
  operands: [
    { term: '<audit-log>', description: 'folder of the audit log, or its https:// address' },
  ],
  options: [
    valueOption('--chain <hash>', 'events under chains with this token'),
    valueOption('--agent <thumbprint>', 'events of this caller'),
    valueOption('--from <time>', 'events from this time on'),
    valueOption('--until <time>', 'events before this time'),
    valueOption('--resource <id>', 'events on this resource'),
    valueOption('--event <id>', 'this event'),
    flagOption('--withhold-arguments', 'show the hashes of arguments only'),
    valueOption('--revocation-log <log>', 'folder or address of the revocation log'),
    valueOption(
      '--revocation-log-file <file>',
      'its log file (default, for a folder: its own log.json)',
    ),
    listOption('--anchors <file>', 'root issuers of the chains; may be repeated'),
    listOption('--held <file>', 'an older checkpoint that the auditor holds; may be repeated'),
    valueOption('--log <file>', 'log file of the audit log (default: its own log.json)'),
    valueOption(
      '--state <folder>',
      'where its writer keeps the checkpoint (default: state, in its folder)',
    ),
    valueOption(
      '--beside <folder>',
      `where arguments, proofs and chains are kept (default: ${BESIDE}, in the folder of the log)`,
    ),
    outOption,
    forceOption,
  ],
  examples: [
    {
      line: 'taper evidence export audit --agent 4Kg… --revocation-log revocation --anchors anchors.json --out bundle.json',
      does: 'All that one agent did, and that its authority was in force.',
    },
    {
      line: 'taper evidence export audit --from 2026-11-01T00:00:00Z --until 2026-12-01T00:00:00Z --out november.json',
      does: 'A month.',
    },
  ],
  async run([path], options, session) {
    const place = await openPlace(path as string, options, session);
    const note = await readNote(place);
    const checkpoint = await requireCheckpoint(note, place.trust, session.io.clock());
    const reader = readerOf(place, checkpoint);
    const sidecar = await openBeside(path as string, options.beside, session);
    try {
      const { size } = checkpoint;
      const selection = await withLog(() => selectEvents(reader, size, filterOf(options)));
      if (selection.matched === 0)
        throw new Failure(
          'evidence_invalid',
          `no event of ${place.name} is what the options name`,
          {
            hint: `The log holds ${size} events. Leave out options until there are some.`,
          },
        );
      const staples = await staplesOf(options, session, async (used, anchors) => {
        for await (const event of eventsOf(reader, size))
          if (selection.shows(event)) await noteChains(used, event, sidecar, anchors);
      });
      let shown = 0;
      const source = await withLog(async () =>
        auditEvidenceSource({
          reader,
          checkpoint: note,
          ...(sidecar === undefined ? {} : { sidecar }),
          shows: (event) => {
            const isShown = selection.shows(event);
            if (isShown) shown += 1;
            return isShown;
          },
          opens: () => options.withholdArguments !== true,
          earlier: await Promise.all(
            (options.held ?? []).map(
              async (file) => (await readInput(file, '--held', session)).text,
            ),
          ),
        }),
      );
      const bundle = await withLog(() => buildEvidence({ logs: [source], staples: staples.made }));
      return await written(bundle, { shown, size, ...staples }, options, session);
    } finally {
      await sidecar?.close();
    }
  },
});

interface Summary {
  readonly shown: number;
  readonly size: number;
  readonly made: readonly MadeStaple[];
  readonly missing: number;
}

async function written(
  bundle: string,
  { shown, size, made, missing }: Summary,
  { out, force }: EvidenceExportOptions,
  session: Session,
): ReturnType<AnyCommand['run']> {
  const notes = [
    `${shown} of ${size} events shown, ${size - shown} withheld and proved to be there`,
    made.length === 0
      ? 'nothing in it says that chains were not revoked'
      : `${made.length} proofs that chains were, or were not, revoked`,
    ...(missing === 0
      ? []
      : [
          `of ${missing} chains the revocation log ends before their last event: export again in a moment`,
        ]),
  ];
  if (out === undefined) return { exitCode: 0, text: `${bundle}\n`, json: { bundle }, notes };
  await writeFiles([{ path: out, text: `${bundle}\n`, secret: false }], force === true, session);
  const staples = made.length;
  return {
    exitCode: 0,
    text: '',
    json: { out, shown, withheld: size - shown, staples, chains_not_covered: missing },
    notes: [`wrote ${out}`, ...notes],
  };
}

function filterOf(options: EvidenceExportOptions): EventFilter {
  const { chain, agent, from, until, resource, event } = options;
  return {
    chain,
    agent,
    resource,
    event,
    from: from === undefined ? undefined : parseTime(from, '--from'),
    until: until === undefined ? undefined : parseTime(until, '--until'),
  };
}

/** Nothing where the log is on a server, or nothing was kept. */
async function openBeside(
  log: string,
  beside: string | undefined,
  { io }: Session,
): Promise<Pick<AuditSidecar, 'read' | 'close'> | undefined> {
  const folder = resolve(io.cwd, beside ?? join(log, BESIDE));
  if (beside === undefined) {
    const found = /^https?:/.test(log) ? undefined : await stat(folder).catch(() => undefined);
    if (found === undefined) return undefined;
  }
  return withLog(() => readFileAuditSidecar(folder));
}

async function staplesOf(
  options: EvidenceExportOptions,
  session: Session,
  collect: (used: UsedChains, anchors: Awaited<ReturnType<typeof readAnchors>>) => Promise<void>,
): Promise<Pick<Summary, 'made' | 'missing'>> {
  const { revocationLog, revocationLogFile, anchors } = options;
  if (revocationLog === undefined) return { made: [], missing: 0 };
  if (anchors === undefined)
    throw new Failure('usage', '--revocation-log needs --anchors', {
      field: '--anchors',
      hint: 'The key of the root issuer is one of those that must not be revoked, and the chain does not hold it.',
    });
  const used: UsedChains = new Map();
  await withLog(async () => collect(used, await readAnchors(anchors, session, 'ever')));
  const placeOptions = revocationLogFile === undefined ? {} : { log: revocationLogFile };
  const place = await openPlace(revocationLog, placeOptions, session);
  const note = await readNote(place);
  const checkpoint = await requireCheckpoint(note, place.trust, session.io.clock());
  const reader = readerOf(place, checkpoint);
  const { size } = checkpoint;
  const { staples, missing } = await withLog(() =>
    makeStaples(used, { reader, checkpoint: note, size, trust: place.trust }),
  );
  return { made: staples, missing };
}
