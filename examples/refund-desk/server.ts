import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  localhostHostValidation,
  localhostOriginValidation,
  type NodeIncomingMessageLike,
  toNodeHandler,
} from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import {
  createReceipt,
  type Decision,
  importPublicKey,
  type PublicJwk,
  renderReceiptHtml,
  renderReceiptText,
} from '@taper/core';
import { createEnforcementPoint, type EnforcementPoint, systemClock } from '@taper/enforce';
import { guardTools } from '@taper/mcp';
import { z } from 'zod';
import { type Orders, openOrders } from './orders.ts';
import { answerQuestions } from './processes.ts';

// The resource owner: an MCP server over the shop's database, in a process of its own.
// It knows one public key, the issuer's. It has never heard of the agents.

export interface ListenDetail {
  readonly database: string;
  /** 0 takes any that is free. */
  readonly port: number;
  readonly issuer: string;
  readonly issuerKey: PublicJwk;
}

export interface ReceiptDetail {
  /** Names for keys, by thumbprint. */
  readonly names: readonly (readonly [string, string])[];
  readonly color: boolean;
}

export interface ReceiptAnswer {
  readonly text: string;
  readonly html: string;
}

/** How often each tool has run. Counted inside of the tools, so nothing that is refused can count. */
const executions: { [tool: string]: number } = {};
let lastDecision: Decision | undefined;

answerQuestions({
  async listen({ database, port, issuer, issuerKey }: ListenDetail): Promise<string> {
    const orders = openOrders(database);
    const http = createServer();
    http.listen(port, '127.0.0.1');
    await once(http, 'listening');
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;

    // Made once, not for each request: it remembers which proofs have been used.
    const point = watched(
      createEnforcementPoint({
        audience: url,
        anchors: [{ issuer, key: importPublicKey(issuerKey) }],
        requireChainAudience: true,
      }),
    );
    const handle = toNodeHandler(createMcpHandler(() => createDesk(orders, point)));
    const isHostValid = localhostHostValidation(); // against DNS rebinding
    const isOriginValid = localhostOriginValidation();
    http.on('request', (request, response) => {
      if (isHostValid(request, response) && isOriginValid(request, response))
        void handle(request as NodeIncomingMessageLike, response);
    });
    return url;
  },
  executions: () => executions,
  /** The receipt of the latest decision, drawn from the verdict itself. */
  receipt({ names, color }: ReceiptDetail): ReceiptAnswer {
    if (lastDecision === undefined) throw new Error('No call has been judged yet.');
    const receipt = createReceipt(lastDecision, { names: new Map(names), now: systemClock.now() });
    return { text: renderReceiptText(receipt, { color }), html: renderReceiptHtml(receipt) };
  },
});

/** Keeps the latest decision for its receipt. */
function watched(point: EnforcementPoint): EnforcementPoint {
  return {
    async authorize(...call) {
      lastDecision = await point.authorize(...call);
      return lastDecision;
    },
  };
}

function createDesk(orders: Orders, point: EnforcementPoint): McpServer {
  const server = guardTools(new McpServer({ name: 'refund-desk', version: '1.0.0' }), point);
  const count = (tool: string): void => {
    executions[tool] = (executions[tool] ?? 0) + 1;
  };
  server.registerTool('list_customers', { description: 'All customers.' }, () => {
    count('list_customers');
    return answer({ customers: orders.customers() });
  });
  server.registerTool(
    'customer_orders',
    {
      description: 'The orders of one customer.',
      inputSchema: z.object({ customer: z.string() }),
    },
    ({ customer }) => {
      count('customer_orders');
      return answer({ orders: orders.ordersOf(customer) });
    },
  );
  server.registerTool(
    'refund_order',
    {
      description: 'Pays an amount in euro back to whoever paid the order.',
      inputSchema: z.object({ order: z.string(), amount: z.string(), reason: z.string() }),
    },
    (refund) => {
      count('refund_order');
      const refusal = orders.refund(refund);
      return refusal === undefined
        ? answer({ refunded: refund })
        : { content: [{ type: 'text', text: refusal }], isError: true };
    },
  );
  return server;
}

function answer(data: { [name: string]: unknown }) {
  return {
    content: [{ type: 'text' as const, text: JSON.stringify(data) }],
    structuredContent: data,
  };
}
