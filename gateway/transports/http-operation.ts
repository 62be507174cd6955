import { ForgeError } from '../../subgraphs/shared/errors.ts';
import type { Engine } from '../engine.ts';
import { runOnce } from '../engine.ts';
import { maskThrown, RequestErrors } from '../errors.ts';
import type { PreparedOperation } from '../operations/operation.ts';
import type { Caller } from '../scope.ts';
import { Delivery } from '../subscriptions/delivery.ts';
import { HttpStream } from './http-stream.ts';
import type { StreamFormat } from './http-stream.ts';
import type { Exchange } from './json.ts';
import type { OpenStreams } from './open-streams.ts';

/**
 * Answers any operation as a stream: a subscription until its end, anything else
 * by its one result. What cannot be started is a stream of its errors alone.
 *
 * Settles when the operation is started, and for one result when it is there.
 */
export async function streamOperation(
  { engine, open }: { readonly engine: Engine; readonly open: OpenStreams },
  { request, response }: Exchange,
  prepared: PreparedOperation | RequestErrors,
  { caller, format }: { readonly caller: Caller; readonly format: StreamFormat },
): Promise<void> {
  const stream = new HttpStream(response, { engine, open, caller, format });
  try {
    if (prepared instanceof RequestErrors) throw prepared;
    if (prepared.kind === 'subscription') {
      const subscription = engine.subscriptions.open(prepared, caller, stream);
      stream.reads(subscription);
      await subscription.opened;
      return;
    }
    if (prepared.kind === 'mutation' && request.method === 'GET') {
      throw new ForgeError('BAD_USER_INPUT', 'A mutation must be sent by POST.');
    }
    const gone = new AbortController();
    response.once('close', () => {
      // A mutation whose client has left still comes to its end.
      if (prepared.kind === 'query') gone.abort(new Error('The client has left'));
    });
    stream.write(new Delivery(await runOnce(engine, prepared, caller, gone.signal)), undefined);
  } catch (cause) {
    stream.write(new Delivery({ errors: maskThrown(cause, caller) }), undefined);
  }
  stream.end(undefined);
}
