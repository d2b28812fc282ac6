import type { McpServer, Server } from '@modelcontextprotocol/server';
import type { EnforcementPoint } from '@taper/enforce';
import { type GuardOptions, guardServer } from './guard.ts';

/** {@link guardServer} for the packages of version 2 of the MCP SDK. */
export function guardTools<Guarded extends McpServer | Server>(
  server: Guarded,
  point: EnforcementPoint,
  options: GuardOptions = {},
): Guarded {
  return guardServer(server, point, options);
}
