import { createPresenter, PRESENTATION_KEY } from '@taper/mcp';
import { createAgent } from './agent.ts';
import {
  type Call,
  connect,
  type Outcome,
  orRefused,
  readResult,
  type SignedCall,
} from './calls.ts';
import { answerQuestions } from './processes.ts';

// The agent that reads: it calls the tools of an MCP server.

const { signer, tasked, answers } = createAgent();
let lastSigned: SignedCall | undefined;

answerQuestions({
  ...answers,

  /** Calls a tool. In a program of your own that is `presenter.callTool(client, call)`; here it also notes what was signed. */
  call: ({ tool, args }: Call): Promise<Outcome> =>
    orRefused(async () => {
      const { server, chain } = tasked();
      const presenter = createPresenter({ chain, signer, audience: server });
      const _meta = await presenter.metaFor(tool, args);
      lastSigned = { tool, args, presentation: _meta[PRESENTATION_KEY] as never };
      const client = await connect(server);
      const result = client.callTool({ name: tool, arguments: args, _meta });
      try {
        return await readResult(result);
      } finally {
        await client.close();
      }
    }),

  lastSigned: () => lastSigned,
});
