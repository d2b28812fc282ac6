import { type Denial, denial } from './denial.ts';
import { isJsonObject, type JsonValue, parseJson } from './json.ts';

/** What a holder sends for one call: the chain and the proof (draft section 7.4). Member names are those of the wire. */
export interface Presentation {
  /** Tokens in compact serialization, root first. */
  readonly aat_chain: readonly string[];
  /** The proof of possession in compact serialization. */
  readonly aat_pop: string;
}

/** Reads a presentation from JSON text. Nothing in it is verified. */
export function parsePresentation(text: string): Presentation | Denial {
  const parsed = parseJson(text);
  return parsed.ok
    ? readPresentation(parsed.value)
    : denial('presentation_malformed', { step: '1' });
}

/** Reads a presentation from a JSON value and copies it, so that later changes to the value have no effect. Members it does not know are ignored. */
export function readPresentation(value: unknown): Presentation | Denial {
  try {
    return copyPresentation(value);
  } catch {
    return denial('presentation_malformed', { step: '1' });
  }
}

/** May throw where reading the value runs code of somebody else. */
function copyPresentation(value: unknown): Presentation | Denial {
  if (value === undefined || value === null) return denial('presentation_missing', { step: '1' });
  if (!isJsonObject(value as JsonValue)) return denial('presentation_malformed', { step: '1' });
  const chain = Object.hasOwn(value as object, 'aat_chain')
    ? (value as Partial<Presentation>).aat_chain
    : undefined;
  const pop = Object.hasOwn(value as object, 'aat_pop')
    ? (value as Partial<Presentation>).aat_pop
    : undefined;
  if (!Array.isArray(chain)) return denial('presentation_malformed', { step: '1' });
  const tokens = Array.from(chain as readonly unknown[]);
  if (!tokens.every((token) => typeof token === 'string'))
    return denial('presentation_malformed', { step: '1' });
  if (pop === undefined || pop === null) return denial('proof_missing', { step: '7' });
  if (typeof pop !== 'string') return denial('presentation_malformed', { step: '1' });
  return { aat_chain: tokens as string[], aat_pop: pop };
}
