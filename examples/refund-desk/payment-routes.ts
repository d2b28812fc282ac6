import { type ArgumentsOf, body, path, route } from '@taper/http';

/** The one route of the payment API that can be called; server and agent share this declaration. */
export const refundRoute = route({
  method: 'POST',
  path: '/orders/:order/refund',
  tool: 'refund_order',
  args: {
    order: path(),
    amount: body({ as: 'string' }),
    reason: body({ as: 'string' }),
  },
  action: 'refund',
  resource: ({ order }) => `order/${order}`,
});

export type RefundArguments = ArgumentsOf<typeof refundRoute.args>;
