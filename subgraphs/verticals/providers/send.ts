import { ForgeError } from '../../shared/errors.ts';
import type { HttpClient } from '../../shared/http-client.ts';
import type { SendGraphRequest } from './forge-graph.ts';

/** Sends GraphQL requests over HTTP to one gateway. Anything but an answer in JSON throws. */
export function sendTo(http: HttpClient, url: () => string): SendGraphRequest {
  return async ({ tenant }, token, request) => {
    const { body } = await http.call({
      url: url(),
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json',
      },
      body: JSON.stringify(request),
      tenant,
      // The run asks again by itself, with the same key.
      repeatable: false,
    });
    try {
      return JSON.parse(body) as unknown;
    } catch (cause) {
      throw new ForgeError('PROVIDER_UNAVAILABLE', 'The gateway gave no usable answer.', {
        cause,
        retryable: true,
      });
    }
  };
}
