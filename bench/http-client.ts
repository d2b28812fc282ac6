// Sends requests to servers of http-server.ts. Started by http.ts as a process of its own.
import { Agent, request } from 'node:http';
import { encodePresentation, PRESENTATION_HEADER } from '@taper/http';
import autocannon from 'autocannon';
import { BODY, type Latencies, TARGET, type Task } from './http-route.ts';
import { signerAt, typicalChain, typicalProof } from './scene.ts';

/** Of the closed loop; the open loop opens as many as it needs. */
const CONNECTIONS = 16;

const chain = await typicalChain(3);
const agent = new Agent({ keepAlive: true });
let presentations: string[] = [];

async function perform(task: Task): Promise<Latencies | number> {
  switch (task.kind) {
    case 'prepare':
      presentations = [];
      while (presentations.length < task.count)
        presentations.push(encodePresentation(await typicalProof(chain)));
      return 0;
    case 'steady':
      return steady(task.port, task.rate, task.count);
    case 'saturate':
      return saturate(task.port, task.count);
  }
}

/** An open loop: every request is sent when it is due, and its time runs from then on, however late the client itself is. */
async function steady(port: number, rate: number, count: number): Promise<Latencies> {
  const pending: Promise<number>[] = [];
  const start = performance.now();
  while (pending.length < count) {
    const due = start + (pending.length * 1000) / rate;
    if (performance.now() >= due) pending.push(send(port, pending.length, due));
    else await new Promise(setImmediate); // timers are a millisecond late
  }
  const sorted = (await Promise.all(pending)).sort((one, other) => one - other);
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

function send(port: number, index: number, due: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, agent, method: 'POST', path: TARGET };
    request({ ...options, headers: headersOf(index) }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`answered with ${response.statusCode}`));
      response.resume();
      response.on('end', () => resolve(performance.now() - due));
    })
      .on('error', reject)
      .end(BODY);
  });
}

/** A closed loop: it says what a server can do, and nothing about how long somebody waits. */
async function saturate(port: number, count: number): Promise<number> {
  let sent = 0;
  const start = performance.now();
  let end = start;
  const running = autocannon({
    url: `http://127.0.0.1:${port}${TARGET}`,
    method: 'POST',
    body: BODY,
    connections: Math.min(CONNECTIONS, count),
    amount: count,
    sampleInt: 50,
    requests: [
      {
        setupRequest(each) {
          const headers = headersOf(sent % count);
          sent += 1;
          return { ...each, headers: { ...each.headers, ...headers } };
        },
      },
    ],
  });
  running.on('response', () => {
    end = performance.now();
  });
  const { errors, non2xx } = await running;
  if (errors > 0 || non2xx > 0) throw new Error(`${errors} errors, ${non2xx} other answers`);
  return (count * 1000) / (end - start);
}

/** The same for guarded and unguarded servers: reading the header is no part of what the guard adds. */
function headersOf(index: number): { readonly [name: string]: string } {
  const presentation = presentations[index];
  if (presentation === undefined) throw new Error('There are too few presentations.');
  return {
    [PRESENTATION_HEADER]: presentation,
    'Content-Type': 'application/json',
    'Content-Length': `${BODY.length}`,
  };
}

process.on('message', (task: Task) => {
  perform(task).then(
    (found) => process.send?.(found),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit());
process.send?.(signerAt(0).publicKey.jwk);
