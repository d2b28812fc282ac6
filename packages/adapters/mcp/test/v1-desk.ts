import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { EnforcementPoint } from '@taper/enforce';
import { currentPermit, type GuardOptions, guardTools } from '@taper/mcp/v1';
import { z } from 'zod';
import type { Recorder } from './desk.ts';

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] });

/** An ordinary server of version 1 of the SDK, behind a guard. */
export function createV1Desk(
  point: EnforcementPoint,
  record: Recorder,
  options: GuardOptions = {},
): McpServer {
  const server = new McpServer({ name: 'desk-v1', version: '1.0.0' });
  const run = (tool: string, args: unknown) => {
    const holder = currentPermit()?.chain.leaf.claims.holder.thumbprint;
    record({ tool, args, frozen: Object.isFrozen(args), holder });
    return text(`${tool} ran`);
  };
  server.registerTool(
    'refund',
    { description: 'Refunds.', inputSchema: { order: z.string(), amount: z.string() } },
    (args) => run('refund', args),
  );
  server.registerTool('bare', { description: 'Takes no arguments.' }, () => run('bare', undefined));
  guardTools(server, point, options);
  server.registerTool('late', { inputSchema: { order: z.string() } }, (args) => run('late', args));
  server.registerTool('coerced', { inputSchema: { count: z.coerce.number() } }, (args) =>
    run('coerced', args),
  );
  server.registerTool(
    'search',
    { inputSchema: { query: z.string(), limit: z.number().default(100) } },
    (args) => run('search', args),
  );
  server.registerResource('secret', 'desk://secret', {}, () => {
    record({ tool: 'resources/read', args: undefined, frozen: false, holder: undefined });
    return { contents: [{ uri: 'desk://secret', text: 'secret' }] };
  });
  return server;
}
