import type { CallToolRequestParams, CallToolResult, Client } from '@modelcontextprotocol/client';
import {
  type JsonObject,
  type Presentation,
  prove,
  type Signer,
  uuidV7,
  type VerifiedChain,
} from '@taper/core';
import { type Clock, systemClock } from '@taper/enforce';
import { PRESENTATION_KEY } from './wire.ts';

export interface PresenterOptions {
  /** The chain under which the agent acts. */
  readonly chain: VerifiedChain;
  /** Signs as the holder of the chain's leaf. */
  readonly signer: Signer;
  /** The identifier of the enforcement point that the calls go to. */
  readonly audience: string;
  /** Default: the clock of this machine. */
  readonly clock?: Clock;
  /** That many fresh random bytes. Default: those of the platform. */
  readonly random?: (length: number) => Uint8Array;
  /** Asked before each call, for enforcement points that hand out nonces. */
  readonly nonce?: () => string | Promise<string>;
}

/** A tool call as the SDK's client takes it. */
export interface ToolCall {
  readonly name: string;
  readonly arguments?: JsonObject;
  readonly _meta?: CallToolRequestParams['_meta'];
}

/** Presents one chain, with a fresh proof for every call. */
export interface Presenter {
  /**
   * The `_meta` members for one call: good for this tool with these arguments, once, within the proof window.
   * @throws {RefusedError} when the chain does not allow the call; nothing has been sent then.
   */
  metaFor(tool: string, args: JsonObject): Promise<{ readonly [PRESENTATION_KEY]: Presentation }>;
  /**
   * Calls the tool through an ordinary MCP client. A refusal by the server is a result with `isError`; see `deniedCall`.
   * @throws {RefusedError} as `metaFor`, and what the client throws.
   */
  callTool(
    client: Client,
    call: ToolCall,
    options?: Parameters<Client['callTool']>[1],
  ): Promise<CallToolResult>;
}

/** Makes a presenter. It holds no key: the signer does. */
export function createPresenter(options: PresenterOptions): Presenter {
  const { chain, signer, audience, clock = systemClock, nonce } = options;
  const random = options.random ?? ((length) => crypto.getRandomValues(new Uint8Array(length)));

  async function metaFor(tool: string, args: JsonObject) {
    const given = await nonce?.();
    const now = clock.now();
    const presentation = await prove(chain, {
      signer,
      tool,
      args,
      now,
      id: uuidV7(now * 1000, random(10)),
      audience,
      ...(given === undefined ? {} : { nonce: given }),
    });
    return { [PRESENTATION_KEY]: presentation };
  }

  return Object.freeze<Presenter>({
    metaFor,
    async callTool(client, { name, arguments: given = {}, _meta }, requestOptions) {
      const args = structuredClone(given); // what is signed is what is sent, whatever the caller does meanwhile
      const meta = { ..._meta, ...(await metaFor(name, args)) };
      return client.callTool({ name, arguments: args, _meta: meta }, requestOptions);
    },
  });
}
