import { McpServer, ResourceTemplate } from '@modelcontextprotocol/server';
import type { EnforcementPoint } from '@taper/enforce';
import { currentPermit, type GuardOptions, guardTools } from '@taper/mcp';
import { z } from 'zod';

/** Who the enforcement point of the tests is. */
export const AUDIENCE = 'https://desk.example/mcp';

/** One run of a tool: its name, the arguments that it was given, and what else it saw. */
export interface Execution {
  readonly tool: string;
  readonly args: unknown;
  readonly frozen: boolean;
  readonly holder: string | undefined;
}

export type Recorder = (execution: Execution) => void;

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] });

/** An ordinary server with tools, a resource and a prompt, behind a guard. Some tools come after the guard. */
export function createDesk(
  point: EnforcementPoint,
  record: Recorder,
  options: GuardOptions = {},
): McpServer {
  const server = new McpServer({ name: 'desk', version: '1.0.0' });
  const run = (tool: string, args: unknown) => {
    const frozen = Object.isFrozen(args);
    const holder = currentPermit()?.chain.leaf.claims.holder.thumbprint;
    record({ tool, args, frozen, holder });
    return text(`${tool} ran`);
  };

  server.registerTool(
    'refund',
    { inputSchema: z.object({ order: z.string(), amount: z.string() }) },
    (args) => run('refund', args),
  );
  server.registerTool(
    'search',
    {
      inputSchema: z.object({
        query: z.string(),
        limit: z.number().default(100),
        filter: z.object({ open: z.boolean().default(true) }).optional(),
      }),
    },
    (args) => run('search', args),
  );
  server.registerTool('bare', { description: 'Takes no arguments.' }, () => run('bare', undefined));
  const changed = server.registerTool(
    'updated',
    { inputSchema: z.object({ order: z.string() }) },
    () => text('the callback before the update'),
  );

  guardTools(server, point, options);

  server.registerTool('late', { inputSchema: z.object({ order: z.string() }) }, (args) =>
    run('late', args),
  );
  server.registerTool('coerced', { inputSchema: z.object({ count: z.coerce.number() }) }, (args) =>
    run('coerced', args),
  );
  server.registerTool('trimmed', { inputSchema: z.object({ order: z.string().trim() }) }, (args) =>
    run('trimmed', args),
  );
  server.registerTool('loose', { inputSchema: z.looseObject({}) }, (args) => run('loose', args));
  server.registerTool(
    'failing',
    { inputSchema: z.object({}), outputSchema: z.object({ done: z.boolean() }) },
    (args) => {
      run('failing', args);
      return { ...text('done'), structuredContent: { done: true } };
    },
  );
  changed.update({ callback: (args: unknown) => run('updated', args) });

  server.registerResource('secret', 'desk://secret', {}, () => {
    record({ tool: 'resources/read', args: undefined, frozen: false, holder: undefined });
    return { contents: [{ uri: 'desk://secret', text: 'secret' }] };
  });
  server.registerResource(
    'note',
    new ResourceTemplate('desk://notes/{id}', {
      list: undefined,
      complete: { id: () => ['1', '2'] },
    }),
    {},
    (uri) => ({ contents: [{ uri: uri.href, text: 'note' }] }),
  );
  server.registerPrompt('greet', { argsSchema: z.object({ name: z.string() }) }, ({ name }) => {
    record({ tool: 'prompts/get', args: { name }, frozen: false, holder: undefined });
    return { messages: [{ role: 'user', content: { type: 'text', text: name } }] };
  });
  return server;
}
