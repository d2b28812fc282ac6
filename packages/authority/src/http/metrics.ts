import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What the authority counts, for Prometheus. Labels are names of endpoints and codes: never anything that a caller chose. */
export interface Metrics {
  request(endpoint: string, status: number, seconds: number): void;
  refusal(code: string): void;
  /** A denial of the gate that is not in its audit log, since there were too many. */
  unrecorded(): void;
  /** Whether the node is ready, and how many entries wait for the log. */
  state(ready: boolean, pendingEntries: number): void;
  /** In Prometheus' text format. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** @param processMetrics memory, CPU and event loop of the process too. */
export function createMetrics(processMetrics = true): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (processMetrics) collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: 'taper_authority_requests_total',
    help: 'Requests answered.',
    labelNames: ['endpoint', 'status'],
    registers,
  });
  const duration = new Histogram({
    name: 'taper_authority_request_seconds',
    help: 'Time from the head of a request to the head of its answer.',
    labelNames: ['endpoint'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const refusals = new Counter({
    name: 'taper_authority_refusals_total',
    help: 'Requests refused, by code.',
    labelNames: ['code'],
    registers,
  });
  const unrecorded = new Counter({
    name: 'taper_authority_unrecorded_denials_total',
    help: 'Denials of the gate that are not in its audit log: too many below one holder.',
    registers,
  });
  const ready = new Gauge({
    name: 'taper_authority_ready',
    help: '1 when the node takes requests.',
    registers,
  });
  const pending = new Gauge({
    name: 'taper_authority_pending_entries',
    help: 'Entries that wait to come into the log.',
    registers,
  });
  return {
    request(endpoint, status, seconds) {
      requests.inc({ endpoint, status });
      duration.observe({ endpoint }, seconds);
    },
    refusal: (code) => refusals.inc({ code }),
    unrecorded: () => unrecorded.inc(),
    state(isReady, entries) {
      ready.set(isReady ? 1 : 0);
      pending.set(entries);
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
