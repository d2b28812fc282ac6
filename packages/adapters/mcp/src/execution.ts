import { type Denial, denial } from '@taper/core';
import { isPinned } from './definitions.ts';
import { effectiveArguments } from './effective-arguments.ts';
import { currentRun, type Run, type ToolSnapshot } from './run.ts';
import type { RegisteredTool, ToolServer } from './sdk.ts';
import { denialResult, ownMember } from './wire.ts';

/**
 * Lets a tool of an `McpServer` run only under a permit for that tool of that server, once, with what
 * {@link effectiveArguments} makes of its arguments, and tells the outcome.
 */
export function guardExecution(server: ToolServer): void {
  const validate = server.validateToolInput.bind(server);
  server.validateToolInput = (tool, args, name) => {
    const run = currentRun();
    if (run?.protocol === server.server) run.enter();
    return validate(tool, args, name);
  };

  const execute = server.executeToolHandler.bind(server);
  server.executeToolHandler = async (tool, parsed, context) => {
    const run = currentRun();
    const refuseOther = () => {
      run?.markRefusal();
      return denialResult(denial('presentation_missing', { step: '1' }));
    };
    // A tool that runs another one does so under no permit for that one.
    if (run?.protocol !== server.server || registeredTool(server, run.permitted.tool) !== tool)
      return refuseOther();
    const checked = check(run, tool, parsed);
    if ('code' in checked) {
      run.refuse();
      return denialResult(checked);
    }
    if (!run.begin()) return refuseOther();
    try {
      const result = await execute(tool, parsed === undefined ? undefined : checked.args, context);
      if (ownMember(result, 'resultType') === 'input_required') run.pause();
      else run.conclude(ownMember(result, 'isError') === true ? 'failed' : 'executed');
      return result;
    } catch (error) {
      run.conclude('failed');
      throw error;
    }
  };

  if (server.handleAutomaticTaskPolling !== undefined) {
    server.handleAutomaticTaskPolling = async () => {
      currentRun()?.refuse();
      return denialResult(denial('argument_unexpected', { step: '6b' }, { argument: 'task' }));
    };
  }
}

/** A tool of the server as it is now, to be compared with what it is when it runs. */
export function snapshotOf(
  server: ToolServer | undefined,
  name: unknown,
): ToolSnapshot | undefined {
  if (server === undefined || typeof name !== 'string') return undefined;
  const tool = registeredTool(server, name);
  return tool && { tool, description: tool.description, inputSchema: tool.inputSchema };
}

function registeredTool(server: ToolServer, name: string): RegisteredTool | undefined {
  return ownMember(server._registeredTools, name) as RegisteredTool | undefined;
}

function check(
  { permitted, snapshot }: Run,
  tool: RegisteredTool,
  parsed: unknown,
): { readonly args: object } | Denial {
  const isUnchanged =
    snapshot?.tool === tool &&
    snapshot.description === tool.description &&
    snapshot.inputSchema === tool.inputSchema;
  if (!isUnchanged && isPinned(permitted))
    return denial('definition_changed', {}, { tool: permitted.tool });
  let args: object | undefined;
  for (const permit of permitted.permits) {
    const effective = effectiveArguments(permit, parsed);
    if ('denial' in effective) return effective.denial;
    args = effective.args;
  }
  return args === undefined ? denial('internal_error') : { args };
}
