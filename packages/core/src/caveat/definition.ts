import { platform } from '#crypto';
import { TaperError } from '../error.ts';
import { canonicalize } from '../jcs.ts';

/** What a tool tells its callers of itself, as an MCP server lists it. */
export interface ToolDefinition {
  readonly name: string;
  /** Absent is the same as empty. */
  readonly description?: string | undefined;
  /** JSON Schema of the arguments. */
  readonly inputSchema: object;
}

/**
 * base64url SHA-256 of the canonical JSON (RFC 8785) of a tool's name, description and input schema: what the caveat
 * `definitions` pins (spec/profile.md section 3.5). Other members do not count.
 * @throws {TaperError} `option_invalid` for what is no definition; `json_invalid` for what JSON cannot hold.
 */
export function definitionHash({ name, description = '', inputSchema }: ToolDefinition): string {
  const isSchema =
    typeof inputSchema === 'object' && inputSchema !== null && !Array.isArray(inputSchema);
  if (typeof name !== 'string' || typeof description !== 'string' || !isSchema) {
    throw new TaperError(
      'option_invalid',
      'A tool has a name, an input schema that is an object, and perhaps a description.',
    );
  }
  const text = canonicalize({ name, description, inputSchema });
  return platform.sha256(new TextEncoder().encode(text));
}
