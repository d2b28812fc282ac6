import type { DenialFigure } from './denials.ts';
import { isMet, type Section, type Target } from './figure.ts';
import type { HostileFigure } from './hostile.ts';
import type { HttpFigure } from './http.ts';
import type { RawRates } from './makers.ts';
import type { Peer } from './peer.ts';
import type { PeerFigure } from './peers.ts';
import type { PointDenialFigure } from './point-denials.ts';
import type { RevokedFigures } from './revoked.ts';

/** Everything that one run has found; what `--json` writes. Times are microseconds unless their name says otherwise. */
export interface Results {
  readonly version: 1;
  readonly environment: {
    readonly node: string;
    /** What checks signatures: `sodium-native` or `node:crypto`. */
    readonly backend: string;
    readonly processor: string;
    readonly cores: number;
    /** Of the minute before the run and of the one at its end: above the number of cores, other work disturbed it. */
    readonly load: { readonly before: number; readonly after: number };
    readonly rounds: number;
  };
  readonly raw: RawRates;
  /** Characters of a typical root, of a token derived from it, and of a proof. */
  readonly sizes: { readonly root: number; readonly child: number; readonly proof: number };
  readonly sections: readonly Section[];
  /** Ratios to the permit over the same chain. */
  readonly denials: readonly DenialFigure[];
  readonly replayedProof: number;
  /** Ratios to the permit at the same enforcement point. */
  readonly pointDenials: readonly PointDenialFigure[];
  readonly revoked: RevokedFigures;
  /** Milliseconds, and requests per second. */
  readonly http: readonly HttpFigure[];
  readonly hostile: readonly HostileFigure[];
  readonly peers: readonly PeerFigure[];
  readonly targets: readonly (Target & { readonly met: boolean })[];
}

const WIDTH = 80;

/** The results as text of at most 80 columns. */
export function renderReport(results: Results, peers: readonly Peer[]): string {
  return [
    ...renderEnvironment(results),
    ...results.sections.flatMap(renderSection),
    ...renderDenials(results),
    ...renderPointDenials(results.pointDenials),
    ...renderRevoked(results.revoked),
    ...renderHttp(results.http),
    ...renderHostile(results.hostile),
    ...renderPeers(results.peers, peers),
    ...renderTargets(results.targets),
  ].join('\n');
}

function renderEnvironment({ environment, raw, sizes }: Results): string[] {
  const { node, backend, processor, cores, load, rounds } = environment;
  return [
    'Taper, measured',
    '',
    ...wrap(
      `Node ${node}, ${backend}, ${processor} with ${cores} cores, load ${load.before.toFixed(1)} ` +
        `before and ${load.after.toFixed(1)} after, medians of ${rounds} rounds.` +
        (rounds < 20 ? ' A quick run: it shows that the bench works, and nothing else.' : ''),
    ),
    ...wrap(
      `A typical token (two tools, four constraints) has ${sizes.root} characters as root and ` +
        `${sizes.child} when derived, a proof ${sizes.proof}. One bare signature check of such a ` +
        `token takes ${raw.verify.toFixed(1)} µs (with OpenSSL ${raw.verifyWithOpenSsl.toFixed(1)} µs), ` +
        `making one ${raw.sign.toFixed(1)} µs.`,
    ),
    ...wrap(
      'Every ratio compares with the bare cryptography on the same bytes, measured in turns. ' +
        'docs/performance.md says what each figure means.',
    ),
  ];
}

function renderSection({ title, legend, figures }: Section): string[] {
  return [
    ...heading(title, legend),
    row('', ['signatures', 'µs', 'bare µs', 'ratio']),
    ...figures.map(({ name, signatures, microseconds, raw, ratio }) =>
      row(name, [`${signatures}`, microseconds.toFixed(1), raw.toFixed(1), ratio.toFixed(2)]),
    ),
  ];
}

function renderDenials({ denials, replayedProof }: Results): string[] {
  return [
    ...heading(
      'Refused calls, chain of 3 hops',
      'As a ratio to the permitted call, with nothing known and with the permitted chain known. ' +
        'Above 1, being refused costs more than being served.',
    ),
    row('', ['nothing known', 'known']),
    ...denials.map(({ name, cold, cached }) => row(name, [cold.toFixed(2), cached.toFixed(2)])),
    row('replayed proof, whole request', ['', replayedProof.toFixed(2)]),
  ];
}

function renderPointDenials(figures: readonly PointDenialFigure[]): string[] {
  return [
    ...heading(
      'Refused by the enforcement point, chain of 3 hops known',
      'As a ratio to the permitted call at the same point, which has every port, in memory: ' +
        'without an audit log, and with one, into which refusals are written as permits are.',
    ),
    row('', ['no audit', 'audit']),
    ...figures.map(({ name, quiet, audited }) => row(name, [quiet.toFixed(2), audited.toFixed(2)])),
  ];
}

function renderRevoked({ checks, staples }: RevokedFigures): string[] {
  const revoked = checks[0]?.revoked ?? 0;
  return [
    ...heading(
      `Asking about a chain of 8 hops, ${revoked} revoked`,
      'Microseconds for its 18 identifiers: chains never asked about, one after the other; then, each right after a ' +
        'signature check, which takes the caches: a chain never asked about, 100 chains again and again, ' +
        'one whose last token or key is revoked, and the first as 17 look-ups in a `Set` of texts. ' +
        'Megabytes of heap and buffers. Bare: one signature check.',
    ),
    row('', ['bare', 'steady', 'first', 'again', 'revoked', 'Set']),
    ...checks.map(({ mix, microseconds: { verify, steady, first, again, revoked: denied, set } }) =>
      row(
        mix,
        [verify, steady, first, again, denied, set].map((each) => each.toFixed(2)),
      ),
    ),
    row('', ['MB', 'Set MB']),
    ...checks.map(({ mix, megabytes }) =>
      row(
        mix,
        [megabytes.view, megabytes.set].map((each) => each.toFixed(1)),
      ),
    ),
    ...heading(
      `Staples for 3 hops, ${revoked} revoked, 5,000,000 logged`,
      'Bytes of the staples of many chains, with one cosignature, and of the largest where the path ' +
        'in the log is longest; microseconds of making one, and of checking one to a bare signature check.',
    ),
    row('', ['median', '99 of 100', 'largest', 'longest']),
    ...staples.map(({ mix, bytes, mostAtLongestPath }) =>
      row(
        mix,
        [bytes.p50, bytes.p99, bytes.most, mostAtLongestPath].map((each) => each.toFixed(0)),
      ),
    ),
    row('', ['make µs', 'check µs', 'bare µs', 'ratio']),
    ...staples.map(({ mix, microseconds: { make, check, verify }, ratio }) =>
      row(mix, [...[make, check, verify].map((each) => each.toFixed(1)), ratio.toFixed(2)]),
    ),
  ];
}

function renderHttp(figures: readonly HttpFigure[]): string[] {
  const times = (each: { readonly p50: number; readonly p99: number }): string[] => [
    each.p50.toFixed(2),
    each.p99.toFixed(2),
  ];
  return [
    ...heading(
      'HTTP, chain of 3 hops known',
      'Milliseconds from the moment at which a request was due, 1000 a second whatever becomes of ' +
        'the answers; and how many a second one server answers to 16 connections (autocannon). ' +
        'Client and server are processes of their own and share the cores.',
    ),
    row('', ['p50 ms', 'p99 ms', 'requests/s']),
    ...figures.flatMap(({ framework, unguarded, guarded, added }) => [
      row(framework, [...times(unguarded), unguarded.perSecond.toFixed(0)]),
      row(`${framework}, guarded`, [...times(guarded), guarded.perSecond.toFixed(0)]),
      row(`${framework}, added`, [...times(added), '']),
    ]),
  ];
}

function renderHostile(figures: readonly HostileFigure[]): string[] {
  const slowest = figures.toSorted((one, other) => other.milliseconds - one.milliseconds);
  return [
    ...heading(
      `Hostile inputs: the slowest 12 of ${figures.length}`,
      'CPU time of the whole process: the median, and the worst run, the first one included.',
    ),
    row('', ['KB', 'ms', 'worst ms']),
    ...slowest
      .slice(0, 12)
      .map(({ name, kilobytes, milliseconds, worst }) =>
        row(name, [kilobytes.toFixed(0), milliseconds.toFixed(1), worst.toFixed(1)]),
      ),
  ];
}

function renderPeers(figures: readonly PeerFigure[], peers: readonly Peer[]): string[] {
  const hops = [...new Set(figures.map((figure) => figure.hops))];
  const names = [...new Set(figures.map((figure) => figure.peer))];
  const find = (peer: string, count: number): PeerFigure | undefined =>
    figures.find((figure) => figure.peer === peer && figure.hops === count);
  return [
    ...heading(
      'Beside others, nothing cached',
      'Microseconds for the same authority handed on as often, measured in turns in this run. ' +
        'They do not all check the same:',
    ),
    row('', [...hops.map((count) => `${count} hop${count === 1 ? '' : 's'}`), 'characters']),
    ...names.map((name) => {
      const times = hops.map((count) => find(name, count)?.microseconds.toFixed(0) ?? '-');
      return row(name, [...times, `${find(name, hops.at(-1) ?? 0)?.size ?? '-'}`]);
    }),
    ...peers.flatMap(({ name, checks, leavesOut }) => [
      '',
      ...wrap(`${name} checks ${checks}. It does not check ${leavesOut}.`),
    ]),
  ];
}

function renderTargets(targets: Results['targets']): string[] {
  return [
    ...heading('Targets', ''),
    row('', ['measured', 'at most', '']),
    ...targets.map((target) => {
      const digits = { x: 2, ms: 0, µs: 1, MB: 0, bytes: 0 }[target.unit];
      const [value, limit] = [target.value, target.limit].map((n) => n.toFixed(digits));
      const unit = target.unit === 'x' ? '' : ` ${target.unit}`;
      return row(target.name, [
        `${value}${unit}`,
        `${limit}${unit}`,
        isMet(target) ? 'pass' : 'MISS',
      ]);
    }),
    '',
  ];
}

function heading(title: string, legend: string): string[] {
  return ['', '', title, '-'.repeat(title.length), ...wrap(legend)];
}

function row(label: string, cells: readonly string[]): string {
  const columns = cells.map((cell) => cell.padStart(Math.max(11, cell.length + 1))).join('');
  return `${`  ${label}`.slice(0, WIDTH - columns.length).padEnd(WIDTH - columns.length)}${columns}`.trimEnd();
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}
