import { type Signer, TaperError } from '@taper/core';
import { isName, MAX_SESSION_TOOLS } from './message.ts';

/** Seconds that a session may last at most. */
const MAX_LIFETIME = 3600;

export interface SessionTableOptions {
  /** Signs as the responder. Initiators know its public key beforehand. */
  readonly signer: Signer;
  /** Identifier of the responder: one of those of the enforcement point. */
  readonly audience: string;
  /** The tools for which a session may stand in for a signed proof: the resource owner's choice. Every other one still needs a proof. */
  readonly tools: readonly string[];
  /** Seconds that a session lasts, if no token of its chains ends before. Default 300, at most 3600. */
  readonly lifetime?: number;
  /** Live sessions at the same time; one root token may have an eighth of them. Default 10,000. */
  readonly maxSessions?: number;
  /** Handshakes that are open at the same time; one root token may have an eighth of them. Default 1,000. */
  readonly maxHandshakes?: number;
  /** That many fresh random bytes. Default: those of the platform. */
  readonly random?: (length: number) => Uint8Array;
}

/** @throws {TaperError} `option_invalid`. */
export function completeTableOptions(
  options: SessionTableOptions,
): Required<Omit<SessionTableOptions, 'random'>> {
  const { signer, audience, lifetime = 300, maxSessions = 10_000, maxHandshakes = 1000 } = options;
  if (!isName(audience))
    throw new TaperError('option_invalid', '`audience` must be a non-empty string.');
  if (typeof signer?.sign !== 'function')
    throw new TaperError('option_invalid', 'A session table needs a signer.');
  requireWhole({ lifetime }, MAX_LIFETIME);
  requireWhole({ maxSessions, maxHandshakes }, 1_000_000);
  return {
    signer,
    audience,
    lifetime,
    maxSessions,
    maxHandshakes,
    tools: completeTools(options.tools),
  };
}

function completeTools(tools: unknown): readonly string[] {
  if (!Array.isArray(tools) || !tools.every(isName) || tools.length > MAX_SESSION_TOOLS) {
    throw new TaperError('option_invalid', '`tools` must be a list of tool names.', {
      hint: 'Name the tools for which a session may stand in for a signed proof.',
    });
  }
  return Object.freeze([...new Set(tools as readonly string[])].sort());
}

function requireWhole(values: { readonly [name: string]: number }, most: number): void {
  for (const [name, value] of Object.entries(values)) {
    if (Number.isSafeInteger(value) && value >= 1 && value <= most) continue;
    throw new TaperError('option_invalid', `\`${name}\` must be a whole number, 1 to ${most}.`);
  }
}
