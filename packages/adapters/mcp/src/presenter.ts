import {
  denial,
  type JoinedPresentation,
  type JsonObject,
  joinPresentations,
  prove,
  RefusedError,
  type Signer,
  uuidV7,
  type VerifiedChain,
} from '@taper/core';
import { type Clock, systemClock } from '@taper/enforce';
import { findDefinition, type ListedTool } from './definitions.ts';
import { PRESENTATION_KEY, STAPLE_KEY } from './wire.ts';

/** A chain and who signs as the holder of its leaf. */
export interface Holding {
  readonly chain: VerifiedChain;
  readonly signer: Signer;
  /** Where the holder's key was rotated since: the statements from the leaf's key to the signer's, oldest first (spec/rotation.md). */
  readonly rotation?: readonly string[];
}

export interface PresenterOptions extends Holding {
  /** Further chains, of which each must permit every call, too. */
  readonly joined?: readonly Holding[];
  /** The identifier of the enforcement point that the calls go to. */
  readonly audience: string;
  /** Default: the clock of this machine. */
  readonly clock?: Clock;
  /** That many fresh random bytes. Default: those of the platform. */
  readonly random?: (length: number) => Uint8Array;
  /** Asked before each request for a staple for all of the chains (spec/revocation.md section 10; `revocationSubject` says what to ask for), for servers that cannot follow a revocation log. Default: none is sent. */
  readonly staple?: () => string | undefined | Promise<string | undefined>;
  /** Asked before each call, for enforcement points that hand out nonces. */
  readonly nonce?: () => string | Promise<string>;
  /**
   * Hashes of the tools' definitions as they were agreed to, see `definitionsOf`. The server has to show them before each call, and a
   * tool that is not among them is not called. Default: the server's guard alone holds the tools to what the chain pins.
   */
  readonly pins?: { readonly [tool: string]: string };
}

/** A tool call as the SDK's client takes it. */
export interface ToolCall<Meta = { readonly [key: string]: unknown } | undefined> {
  readonly name: string;
  readonly arguments?: JsonObject;
  /** Approvals that the agent carries itself: compact JWS, as `taper approve` writes them. */
  readonly approvals?: readonly string[];
  readonly _meta?: Meta;
}

/** Members of a `_meta`. A type alias, so that it is assignable to the SDK's open types. */
export type PresentationMeta = { [PRESENTATION_KEY]: JoinedPresentation; [STAPLE_KEY]?: string };

/** Makes what is presented. It holds no key: the signers do. */
export interface PresentationMaker {
  /** For one call: good for this tool with these arguments, once, within the proof window. */
  forCall(tool: string, args: JsonObject, approvals?: readonly string[]): Promise<PresentationMeta>;
  /** For `tools/list`: the chains without a proof. */
  forListing(): Promise<{ readonly [PRESENTATION_KEY]: object; readonly [STAPLE_KEY]?: string }>;
  /** @throws {RefusedError} when the server shows another definition than was agreed to. */
  checkPin(tool: string, list: () => Promise<readonly ListedTool[]>): Promise<void>;
}

export function createPresentationMaker(options: PresenterOptions): PresentationMaker {
  const { audience, clock = systemClock, nonce, pins, staple } = options;
  const random = options.random ?? ((length) => crypto.getRandomValues(new Uint8Array(length)));
  const holdings: readonly Holding[] = [options, ...(options.joined ?? [])];

  async function proveCall({ chain, signer, rotation }: Holding, tool: string, args: JsonObject) {
    const given = await nonce?.();
    const now = clock.now();
    return prove(chain, {
      signer,
      tool,
      args,
      now,
      id: uuidV7(now * 1000, random(10)),
      audience,
      ...(rotation === undefined ? {} : { rotation }),
      ...(given === undefined ? {} : { nonce: given }),
    });
  }

  async function stapled(): Promise<{ [STAPLE_KEY]?: string }> {
    const text = await staple?.();
    return text === undefined ? {} : { [STAPLE_KEY]: text };
  }

  const chains = holdings.map(({ chain }) => ({
    aat_chain: chain.tokens.map(({ compact }) => compact),
  }));
  return {
    async forListing() {
      const presented = chains.length > 1 ? { taper_chains: chains } : (chains[0] ?? {});
      return { [PRESENTATION_KEY]: presented, ...(await stapled()) };
    },
    async forCall(tool, args, approvals) {
      const proved = await Promise.all(holdings.map((holding) => proveCall(holding, tool, args)));
      return { [PRESENTATION_KEY]: joinPresentations(proved, approvals), ...(await stapled()) };
    },
    async checkPin(tool, list) {
      if (pins === undefined) return;
      const pin = Object.hasOwn(pins, tool) ? pins[tool] : undefined;
      if (pin === undefined) throw new RefusedError(denial('definition_unknown', {}, { tool }));
      const found = findDefinition(await list(), tool);
      if ('code' in found) throw new RefusedError(denial(found.code, {}, { tool }));
      if (found.definition !== pin)
        throw new RefusedError(denial('definition_changed', {}, { tool }));
    },
  };
}
