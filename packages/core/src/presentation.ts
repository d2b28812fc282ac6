import { MAX_APPROVAL_SIZE } from './approval/approval.ts';
import { type Denial, denial } from './denial.ts';
import { TaperError } from './error.ts';
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

/** What a holder sends where there is more than one chain, or an approval (spec/profile.md section 6). Member names are those of the wire. */
export type JoinedPresentation =
  | (Presentation & { readonly taper_approvals?: readonly string[] })
  | {
      readonly taper_chains: readonly Presentation[];
      readonly taper_approvals?: readonly string[];
    };

/** A presentation taken apart; nothing in it is verified. */
export interface Presentations {
  /** From 1 to 4. All of them must permit the call. */
  readonly presentations: readonly Presentation[];
  /** Approvals that came along, in compact serialization: at most 16. */
  readonly approvals: readonly string[];
}

/** Most chains that can be joined, and most approvals that can come along. */
const MAX_JOINED = 4;
const MAX_PRESENTED_APPROVALS = 16;

/**
 * Reads what came over the wire for one call: one chain, or several that are joined, and approvals. Nothing in it is verified;
 * each presentation is for `verifier.authorize`, and the call may run only where every one is permitted.
 *
 * Denials: `presentation_missing`, `presentation_malformed`, `proof_missing`, `join_malformed`, `approval_malformed`.
 */
export function readPresentations(wire: unknown): Presentations | Denial {
  try {
    return copyPresentations(wire);
  } catch {
    return denial('presentation_malformed', { step: '1' });
  }
}

/** May throw where reading the value runs code of somebody else. */
function copyPresentations(wire: unknown): Presentations | Denial {
  const isObject = isJsonObject(wire as JsonValue);
  const approvals = isObject ? copyApprovals(wire as object) : [];
  if (approvals === undefined) return denial('approval_malformed');
  if (!isObject || !Object.hasOwn(wire as object, 'taper_chains')) {
    const presentation = copyPresentation(wire);
    if ('code' in presentation) return presentation;
    return Object.freeze({ presentations: Object.freeze([presentation]), approvals });
  }
  const presentations = copyJoined(wire as object);
  if (presentations === undefined) return denial('join_malformed');
  return Object.freeze({ presentations: Object.freeze(presentations), approvals });
}

function copyApprovals(wire: object): readonly string[] | undefined {
  if (!Object.hasOwn(wire, 'taper_approvals')) return Object.freeze([]);
  const { taper_approvals: given } = wire as { readonly taper_approvals: unknown };
  if (!Array.isArray(given) || given.length > MAX_PRESENTED_APPROVALS) return undefined;
  const approvals = Array.from(given as readonly unknown[]);
  const areTexts = approvals.every(
    (each) => typeof each === 'string' && each !== '' && each.length <= MAX_APPROVAL_SIZE,
  );
  return areTexts ? Object.freeze(approvals as string[]) : undefined;
}

/** The chains that are joined; `undefined` unless they are 2 to 4 with different leaves, and nothing says otherwise beside them. */
function copyJoined(wire: object): Presentation[] | undefined {
  const { taper_chains: given } = wire as { readonly taper_chains: unknown };
  if (Object.hasOwn(wire, 'aat_chain') || Object.hasOwn(wire, 'aat_pop')) return undefined;
  if (!Array.isArray(given) || given.length < 2 || given.length > MAX_JOINED) return undefined;
  const presentations: Presentation[] = [];
  const leaves = new Set<string>();
  for (const each of Array.from(given as readonly unknown[])) {
    const presentation = copyPresentation(each);
    if ('code' in presentation || holdsJoin(each as object)) return undefined;
    const leaf = presentation.aat_chain.at(-1) ?? '';
    // The same token, whatever signature is under it: chains and proofs name it by its signing input.
    leaves.add(leaf.slice(0, leaf.lastIndexOf('.')));
    presentations.push(presentation);
  }
  return leaves.size === presentations.length ? presentations : undefined;
}

function holdsJoin(wire: object): boolean {
  return Object.hasOwn(wire, 'taper_chains') || Object.hasOwn(wire, 'taper_approvals');
}

/**
 * Puts the presentations for one call together, made by `prove` under each chain, and the approvals that come along.
 * Authority is not united by it: the call must be permitted by every chain.
 * @throws {TaperError} `option_invalid` for what {@link readPresentations} would refuse.
 */
export function joinPresentations(
  presentations: readonly Presentation[],
  approvals: readonly string[] = [],
): JoinedPresentation {
  const [only] = presentations;
  const carried = approvals.length === 0 ? {} : { taper_approvals: [...approvals] };
  const wire: JoinedPresentation =
    presentations.length === 1 && only !== undefined
      ? { aat_chain: only.aat_chain, aat_pop: only.aat_pop, ...carried }
      : {
          taper_chains: presentations.map(({ aat_chain, aat_pop }) => ({ aat_chain, aat_pop })),
          ...carried,
        };
  const read = readPresentations(wire);
  if ('code' in read) {
    throw new TaperError('option_invalid', `These presentations cannot be joined: ${read.code}.`, {
      hint: `Join 1 to ${MAX_JOINED} chains with different leaves, each with its own proof, and at most ${MAX_PRESENTED_APPROVALS} approvals.`,
    });
  }
  return wire;
}
