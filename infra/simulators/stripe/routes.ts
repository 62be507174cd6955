import { createAccount, createAccountLink, exchangeCode } from './accounts.ts';
import { closeDispute, updateDispute } from './disputes.ts';
import type { Objects } from './objects.ts';
import { cancelIntent, captureIntent, confirmIntent, createIntent } from './payment-intents.ts';
import { cancelRefund, createRefund } from './refunds.ts';
import type { Body, Collection } from './state.ts';

export interface Route {
  readonly method: 'GET' | 'POST';
  readonly pattern: RegExp;
  /** The schema of its parameters. */
  readonly params?: string;
  readonly answer: (objects: Objects, params: Record<string, unknown>, id: string) => object;
}

const id = '([A-Za-z0-9_]+)';
const route = (
  method: Route['method'],
  path: string,
  params: string | undefined,
  answer: Route['answer'],
): Route => ({
  method,
  pattern: new RegExp(`^${path.replace(':id', id)}$`),
  ...(params !== undefined && { params }),
  answer,
});

/** Everything that the double answers to. */
export const routes: readonly Route[] = [
  route('POST', '/v1/payment_intents', 'PaymentIntentCreateParams', createIntent),
  route('GET', '/v1/payment_intents', 'PaymentIntentListParams', (objects, params) =>
    listed(objects, 'payment_intent', params),
  ),
  route('GET', '/v1/payment_intents/:id', undefined, (objects, _params, key) =>
    objects.get('payment_intent', key),
  ),
  route(
    'POST',
    '/v1/payment_intents/:id/confirm',
    'PaymentIntentConfirmParams',
    (objects, params, key) => confirmIntent(objects, key, params),
  ),
  route(
    'POST',
    '/v1/payment_intents/:id/capture',
    'PaymentIntentCaptureParams',
    (objects, params, key) => captureIntent(objects, key, params),
  ),
  route(
    'POST',
    '/v1/payment_intents/:id/cancel',
    'PaymentIntentCancelParams',
    (objects, params, key) => cancelIntent(objects, key, params['cancellation_reason']),
  ),
  route('POST', '/v1/refunds', 'RefundCreateParams', createRefund),
  route('GET', '/v1/refunds', 'RefundListParams', (objects, params) =>
    listed(objects, 'refund', params),
  ),
  route('GET', '/v1/refunds/:id', undefined, (objects, _params, key) => objects.get('refund', key)),
  route('POST', '/v1/refunds/:id/cancel', undefined, (objects, _params, key) =>
    cancelRefund(objects, key),
  ),
  route('GET', '/v1/disputes/:id', undefined, (objects, _params, key) =>
    objects.get('dispute', key),
  ),
  route('POST', '/v1/disputes/:id', 'DisputeUpdateParams', (objects, params, key) =>
    updateDispute(objects, key, params),
  ),
  route('POST', '/v1/disputes/:id/close', undefined, (objects, _params, key) =>
    closeDispute(objects, key, 'lost'),
  ),
  route('GET', '/v1/events', 'EventListParams', (objects, params) =>
    listed(objects, 'event', params),
  ),
  route('GET', '/v1/balance_transactions', 'BalanceTransactionListParams', (objects, params) =>
    listed(objects, 'balance_transaction', params),
  ),
  route('POST', '/v1/accounts', 'AccountCreateParams', createAccount),
  route('GET', '/v1/accounts/:id', undefined, (objects, _params, key) =>
    objects.get('account', key),
  ),
  route('POST', '/v1/account_links', 'AccountLinkCreateParams', createAccountLink),
  route('POST', '/oauth/token', undefined, (objects, params) =>
    exchangeCode(objects, String(params['code'])),
  ),
  route('POST', '/oauth/deauthorize', undefined, (_objects, params) => ({
    stripe_user_id: params['stripe_user_id'],
  })),
];

function listed(objects: Objects, collection: Collection, params: Record<string, unknown>): object {
  const { gte = 0, lt = Infinity } = (params['created'] ?? {}) as { gte?: number; lt?: number };
  const limit = Number(params['limit'] ?? 10);
  const intent = params['payment_intent'];
  const fitting = objects
    .list(collection)
    .filter((one) => one.created >= gte && one.created < lt)
    .filter((one) => intent === undefined || one['payment_intent'] === intent);
  const from = params['starting_after']
    ? fitting.findIndex((one: Body) => one.id === params['starting_after']) + 1
    : 0;
  const data = fitting.slice(from, from + limit).map((one) => objects.shown(one));
  return {
    object: 'list',
    data,
    has_more: fitting.length > from + limit,
    url: `/v1/${collection}s`,
  };
}
