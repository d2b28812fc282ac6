import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve } from '@hono/node-server';
import { importPublicKey, type PublicJwk } from '@taper/core';
import {
  approvalDesk,
  approvalUrl,
  createEnforcementPoint,
  type PolicyEngine,
} from '@taper/enforce';
import { createCedarEngine } from '@taper/enforce/cedar';
import {
  createSqliteApprovalSource,
  createSqliteBudgetLedger,
  createSqliteReplayStore,
  openSqliteDatabase,
} from '@taper/enforce/sqlite';
import { createRouteGuard } from '@taper/http';
import { guarded, guardRoutes } from '@taper/http/hono';
import type { RevocationFollower } from '@taper/log';
import { Hono } from 'hono';
import { type AuditLog, openAuditLog } from './audit-log.ts';
import { follow, type News, onlyEnrolled, untilKnown, untilRevoked } from './following.ts';
import { refundRoute } from './payment-routes.ts';
import { openPayments, type Payments } from './payments.ts';
import { answerQuestions } from './processes.ts';
import { type Names, type WatchedPoint, watched } from './receipts.ts';
import { type AuthorityAddress, trustOf } from './trust.ts';

// The payment API: an HTTP server in a process of its own, with an enforcement point of its own.
// It trusts the authority's keys. Beside them, it knows who may approve for finance, and who runs the refund desk.

export interface OpenDetail {
  /** For everything that it keeps. */
  readonly folder: string;
  readonly authority: AuthorityAddress;
  readonly tenant: string;
  /** RFC 7638 thumbprint of the agent whose refunds the policy permits. */
  readonly refundDesk: string;
  readonly finance: readonly { readonly name: string; readonly key: PublicJwk }[];
}

/** How often each route has run. Counted inside of the handlers, so nothing that is refused can count. */
const executions: { [tool: string]: number } = {};
let payments: Payments | undefined;
let audit: AuditLog | undefined;
let revocation: RevocationFollower | undefined;
let judged: WatchedPoint | undefined;

answerQuestions({
  async listen(detail: OpenDetail) {
    const { folder, authority, tenant } = detail;
    const app = new Hono();
    const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }) as Server;
    if (!server.listening) await once(server, 'listening');
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

    const log = await openAuditLog(join(folder, 'audit'), 'audit.shop.example/payments', {
      refund_order: ['order', 'amount', 'reason'],
    });
    const follower = await follow(authority, join(folder, 'revocations.sqlite'));
    const stores = openSqliteDatabase(join(folder, 'stores.sqlite'));
    const finance = detail.finance.map(({ name, key }) => ({ name, key: importPublicKey(key) }));
    const approvals = createSqliteApprovalSource(stores, { groups: { finance } });
    const watch = watched(
      createEnforcementPoint({
        audience: origin,
        anchors: trustOf(authority).anchors,
        requireChainAudience: true,
        tenant,
        replay: createSqliteReplayStore(stores),
        ledger: createSqliteBudgetLedger(stores),
        meters: { EUR: (_tool, { amount }) => String(amount) },
        policy: refundPolicy(detail.refundDesk),
        approvals,
        revocation: follower,
        ...onlyEnrolled(follower),
        audit: log.recorder,
      }),
    );
    const books = openPayments(join(folder, 'payments.sqlite'));
    [audit, revocation, judged, payments] = [log, follower, watch, books];

    const guard = createRouteGuard({
      point: watch.point,
      routes: [refundRoute],
      open: ['GET /approvals/:nonce', 'POST /approvals/:nonce'],
      approvalUrl: approvalUrl(`${origin}/approvals`),
    });
    guardRoutes(app, guard); // before any route
    app.post(
      refundRoute.path,
      guarded(refundRoute, ({ args }, context) => {
        count('refund_order');
        return context.json({ refunded: books.refund(args) });
      }),
    );
    const desk = approvalDesk({ inbox: approvals });
    app.all('/approvals/:nonce', ({ req }) => desk(req.raw));
    // Somebody has left this here, and nobody has declared it.
    app.get('/payouts', (context) => {
      count('payouts');
      return context.json(books.refunds());
    });
    return { url: origin, audit: log.address };
  },
  executions: () => executions,
  refunds: () => payments?.refunds(),
  untilKnown: (news: News) => untilKnown(revocation, news),
  untilRevoked: () => untilRevoked(revocation),
  publishAudit: () => audit?.publish(),
  /** The receipt of the latest decision. */
  receipt: (names: Names) => judged?.receipt(names),
});

function count(route: string): void {
  executions[route] = (executions[route] ?? 0) + 1;
}

/** The resource owner's own rules, in Cedar: above 100.00 euro somebody of finance has to approve. */
function refundPolicy(refundDesk: string): PolicyEngine {
  const read = (name: string) => ({
    name,
    text: readFileSync(
      fileURLToPath(new URL(`../policies/cedar/${name}`, import.meta.url)),
      'utf8',
    ),
  });
  const uid = { type: 'Taper::Agent', id: refundDesk };
  const parents = [{ type: 'Taper::Role', id: 'refund-desk' }];
  return createCedarEngine({
    id: 'refunds', // in audit events
    policies: [read('refund.cedar')],
    schema: read('schema.cedarschema'),
    entities: JSON.stringify([{ uid, attrs: {}, parents }]),
    arguments: ({ arguments: { order, amount } }) => ({ order, amount }) as never, // not the reason
  });
}
