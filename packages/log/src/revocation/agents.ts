import type { LoggedRegister } from '../agent-directory/logged-register.ts';
import { HEADERS, refuse } from './answer.ts';
import { streamLines } from './line-stream.ts';

/**
 * Answers with a directory of all agents (spec/agent-directory.md section 4).
 * @param onEnd is called once, when the answer is read, given up or refused.
 */
export async function answerAgents(
  agents: LoggedRegister,
  url: URL,
  onEnd: () => void,
): Promise<Response> {
  const asked = url.searchParams.get('size') ?? '0';
  if (!/^(?:0|[1-9]\d{0,15})$/.test(asked)) {
    onEnd();
    return refuse(400, 'request_malformed');
  }
  try {
    const { statement, facts } = await agents.snapshot(Number(asked));
    return new Response(streamLines(statement, facts, onEnd), {
      headers: { ...HEADERS, 'Content-Type': 'application/x-ndjson' },
    });
  } catch (cause) {
    onEnd();
    throw cause;
  }
}
