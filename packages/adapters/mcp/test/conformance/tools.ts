import { fromJsonSchema, type McpServer, type ServerContext } from '@modelcontextprotocol/server';
import { z } from 'zod';

// The tools by which the official conformance suite knows a server; names and contents are the suite's.

export const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const SILENCE = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=';

const text = (value: string) => ({ type: 'text' as const, text: value });
const image = { type: 'image' as const, data: PIXEL, mimeType: 'image/png' };
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

/** Every name that the suite calls, for a chain that grants all of them. */
export const SUITE_TOOLS: readonly string[] = [
  'test_simple_text',
  'test_image_content',
  'test_audio_content',
  'test_embedded_resource',
  'test_multiple_content_types',
  'test_tool_with_logging',
  'test_tool_with_progress',
  'test_error_handling',
  'test_reconnection',
  'test_sampling',
  'test_elicitation',
  'test_elicitation_sep1034_defaults',
  'test_elicitation_sep1330_enums',
  'json_schema_2020_12_tool',
];

export function registerTools(server: McpServer): void {
  const none = { inputSchema: z.object({}) };
  server.registerTool('test_simple_text', { description: 'Text.', ...none }, () => ({
    content: [text('This is a simple text response for testing.')],
  }));
  server.registerTool('test_image_content', { description: 'An image.' }, () => ({
    content: [image],
  }));
  server.registerTool('test_audio_content', { description: 'Sound.' }, () => ({
    content: [{ type: 'audio', data: SILENCE, mimeType: 'audio/wav' }],
  }));
  server.registerTool('test_embedded_resource', { description: 'A resource.' }, () => ({
    content: [resource('test://embedded-resource', 'text/plain', 'This is an embedded resource.')],
  }));
  server.registerTool('test_multiple_content_types', { description: 'Several.' }, () => ({
    content: [
      text('Multiple content types test:'),
      image,
      resource('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
    ],
  }));
  server.registerTool(
    'test_tool_with_logging',
    { description: 'Logs.', ...none },
    async (_args, { mcpReq }) => {
      for (const data of ['Tool execution started', 'Tool processing data', 'Tool completed']) {
        await mcpReq.notify({ method: 'notifications/message', params: { level: 'info', data } });
        await pause();
      }
      return { content: [text('Tool with logging executed successfully')] };
    },
  );
  server.registerTool(
    'test_tool_with_progress',
    { description: 'Reports progress.', ...none },
    async (_args, { mcpReq }) => {
      const progressToken = mcpReq._meta?.progressToken ?? 0;
      for (const progress of [0, 50, 100]) {
        const params = { progressToken, progress, total: 100 };
        await mcpReq.notify({ method: 'notifications/progress', params });
        await pause();
      }
      return { content: [text(String(progressToken))] };
    },
  );
  server.registerTool('test_error_handling', { description: 'Fails.' }, () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
  server.registerTool(
    'test_reconnection',
    { description: 'Closes its stream.', ...none },
    async (_args, { http }) => {
      http?.closeSSE?.();
      await new Promise((resolve) => setTimeout(resolve, 100));
      return { content: [text('Reconnection test completed successfully.')] };
    },
  );
  registerAsking(server);
  server.registerTool(
    'json_schema_2020_12_tool',
    {
      description: 'Has a schema with many keywords.',
      inputSchema: fromJsonSchema({
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        $defs: {
          address: {
            type: 'object',
            properties: { street: { type: 'string' }, city: { type: 'string' } },
          },
        },
        properties: { name: { type: 'string' }, address: { $ref: '#/$defs/address' } },
        additionalProperties: false,
      }),
    },
    (args) => ({ content: [text(JSON.stringify(args))] }),
  );
}

function registerAsking(server: McpServer): void {
  server.registerTool(
    'test_sampling',
    { description: 'Asks the model.', inputSchema: z.object({ prompt: z.string() }) },
    async ({ prompt }, { mcpReq }) => {
      const params = { messages: [{ role: 'user' as const, content: text(prompt) }], maxTokens: 9 };
      // on the stream of the call: the client may have no other one open
      const answer = await mcpReq.requestSampling(params, { relatedRequestId: mcpReq.id });
      return { content: [text(`LLM response: ${JSON.stringify(answer.content)}`)] };
    },
  );
  server.registerTool(
    'test_elicitation',
    { description: 'Asks the person.', inputSchema: z.object({ message: z.string() }) },
    ({ message }, context) =>
      ask(context, message, { response: { type: 'string', description: 'Any.' } }),
  );
  server.registerTool(
    'test_elicitation_sep1034_defaults',
    { description: 'Asks with defaults.', inputSchema: z.object({}) },
    (_args, context) =>
      ask(context, 'Please review the fields.', {
        name: { type: 'string', default: 'John Doe' },
        age: { type: 'integer', default: 30 },
        score: { type: 'number', default: 95.5 },
        status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
        verified: { type: 'boolean', default: true },
      }),
  );
  const options = ['option1', 'option2', 'option3'];
  const titled = [1, 2, 3].map((n) => ({ const: `value${n}`, title: `Choice ${n}` }));
  server.registerTool(
    'test_elicitation_sep1330_enums',
    { description: 'Asks with choices.', inputSchema: z.object({}) },
    (_args, context) =>
      ask(context, 'Please choose.', {
        untitledSingle: { type: 'string', enum: options },
        titledSingle: { type: 'string', oneOf: titled },
        legacyEnum: {
          type: 'string',
          enum: ['opt1', 'opt2', 'opt3'],
          enumNames: ['Option One', 'Option Two', 'Option Three'],
        },
        untitledMulti: { type: 'array', items: { type: 'string', enum: options } },
        titledMulti: { type: 'array', items: { anyOf: titled } },
      }),
  );
}

async function ask({ mcpReq }: ServerContext, message: string, properties: object) {
  const requestedSchema = { type: 'object' as const, properties: properties as never };
  const related = { relatedRequestId: mcpReq.id };
  const { action, content } = await mcpReq.elicitInput({ message, requestedSchema }, related);
  return { content: [text(`action=${action}, content=${JSON.stringify(content ?? {})}`)] };
}

function resource(uri: string, mimeType: string, value: string) {
  return { type: 'resource' as const, resource: { uri, mimeType, text: value } };
}
