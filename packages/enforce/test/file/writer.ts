// Writes audit events to the file named by the first argument until it is killed or cannot go on, and says which are durable.
// Started by audit-sink.test.ts as a process of its own.
import { createAuditRecorder } from '../../src/audit/recorder.ts';
import { openFileAuditSink } from '../../src/file/audit-sink.ts';
import { POINT, permitEvent } from '../audit/events.ts';

const [path = '', mode = 'forever'] = process.argv.slice(2);
const sink = await openFileAuditSink(path).catch((error: { code?: string }) => {
  process.stdout.write(`${JSON.stringify({ refused: error.code })}\n`);
  process.exit(0);
});
process.stdout.write(`${JSON.stringify({ opened: true })}\n`);
const recorder = createAuditRecorder({ signer: POINT.signer, sink });

if (mode === 'hold') {
  setInterval(() => {}, 1000);
} else {
  const limit = mode === 'forever' ? Number.POSITIVE_INFINITY : Number(mode);
  await Promise.all(Array.from({ length: 8 }, () => write(limit)));
  const tip = await sink.tip(recorder.emitter);
  process.stdout.write(`${JSON.stringify({ ended: tip?.sequence ?? 0 })}\n`);
}

/** One caller after the other, each waiting until its event is durable; stops at the first that is not. */
async function write(events: number): Promise<void> {
  for (let index = 0; index < events; index += 1) {
    try {
      const { sequence } = await recorder.record(permitEvent());
      process.stdout.write(`${JSON.stringify({ durable: sequence })}\n`);
    } catch (error) {
      const { code } = error as { code?: string };
      process.stdout.write(`${JSON.stringify({ rejected: code })}\n`);
      return;
    }
  }
}
