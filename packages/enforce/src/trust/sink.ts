import { readAuditLine } from '@taper/core';
import type { AuditSink } from '../port/audit-sink.ts';
import type { TrustScores } from './scores.ts';

/** A sink that lets scores see each event once it is durable. What comes of that never touches the audit log. */
export function observeTrust(sink: AuditSink, scores: TrustScores): AuditSink {
  return Object.freeze<AuditSink>({
    ...(sink.maxLineBytes === undefined ? {} : { maxLineBytes: sink.maxLineBytes }),
    tip: (emitter) => sink.tip(emitter),
    async append(lines) {
      const answer = await sink.append(lines);
      if (answer === 'appended') {
        for (const { line } of lines) {
          try {
            const read = readAuditLine(line);
            if (read !== undefined) scores.observe(read.event);
          } catch {
            // a clock or directory that fails: the line is durable, and nothing else is said here
          }
        }
      }
      return answer;
    },
  });
}
