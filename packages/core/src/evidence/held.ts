import type { AuditHead } from '../audit-event/event.ts';
import { verifyHeadAsync } from '../audit-event/head.ts';
import { TaperError } from '../error.ts';
import { type VerifiedCheckpoint, verifyCheckpointAsync } from '../log-proof/trust.ts';
import type { EvidenceTrust } from './trust.ts';

/** What the auditor has kept from before, by origin of the audit log. */
export interface Held {
  readonly checkpoints: ReadonlyMap<string, readonly VerifiedCheckpoint[]>;
  readonly heads: ReadonlyMap<string, readonly AuditHead[]>;
}

/** @throws {TaperError} `option_invalid` for what was kept and does not verify under the policy itself. */
export async function verifyHeld(trust: EvidenceTrust): Promise<Held> {
  const checkpoints = new Map<string, VerifiedCheckpoint[]>();
  for (const [index, note] of trust.held.checkpoints.entries()) {
    const [origin = ''] = note.split('\n', 1);
    const log = trust.logs.get(origin);
    const verdict = log === undefined ? undefined : await verifyCheckpointAsync(note, log);
    if (verdict?.ok !== true) throw invalid(`held.checkpoints[${index}]`);
    add(checkpoints, origin, verdict.checkpoint);
  }
  const heads = new Map<string, AuditHead[]>();
  for (const [index, head] of trust.held.heads.entries()) {
    const emitter = [...trust.emitters.values()].find(({ name }) => name === head.emitter);
    if (emitter === undefined || !(await verifyHeadAsync(head, emitter.key)))
      throw invalid(`held.heads[${index}]`);
    add(heads, emitter.log, head);
  }
  return { checkpoints, heads };
}

function add<Value>(map: Map<string, Value[]>, key: string, value: Value): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [value]);
  else known.push(value);
}

function invalid(path: string): TaperError {
  return new TaperError('option_invalid', `What the policy holds does not verify: \`${path}\`.`, {
    hint: 'It is not signed by a log or emitter of the policy, or lacks its quorum.',
  });
}
