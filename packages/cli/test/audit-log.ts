import { createSigner } from '@taper/core';
import { createAuditRecorder, createMemoryAuditSink } from '@taper/enforce';
import { fixedKey, NOW, type Workspace } from './workspace.ts';

/** Lines of an enforcement point that denied so many calls, the same in every run. */
async function ownLog(count: number): Promise<string[]> {
  const sink = createMemoryAuditSink();
  const recorder = createAuditRecorder({
    sink,
    signer: createSigner(fixedKey('point')),
    random: (bytes) => bytes.fill(7),
  });
  for (let index = 0; index < count; index += 1) {
    await recorder.record({
      type: 'decision',
      time: NOW + index,
      enforcementPoint: 'https://files.example',
      decision: 'deny',
      chains: [],
      tool: 'read_file',
      denial: { code: 'proof_missing' },
    });
  }
  return sink.lines(recorder.emitter).map(({ line }) => `${line}\n`);
}

/** Puts a log, the log with its last event cut off, and a log that was changed into the folder, with the key of their writer. */
export async function writeLogs(workspace: Workspace): Promise<void> {
  const { d: _, ...jwk } = fixedKey('point');
  workspace.write('point.pub.jwk', JSON.stringify(jwk));
  const lines = await ownLog(4);
  workspace.write('audit.log', lines.join(''));
  workspace.write('cut.log', lines.slice(0, 3).join(''));
  const changed = (lines[1] as string).replace('"read_file"', '"write_file"');
  workspace.write('changed.log', lines.toSpliced(1, 2, changed).join(''));
  workspace.write('empty.log', '');
}
