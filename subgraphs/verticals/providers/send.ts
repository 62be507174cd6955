import { ForgeError } from '../../shared/errors.ts';
import type { SendGraphRequest } from './forge-graph.ts';

/** Longer than the gateway's own deadline, so that its answer about that one still arrives. */
const timeoutMs = 40_000;

/** Sends GraphQL requests over HTTP to one gateway. Anything but an answer in JSON throws. */
export function sendTo(url: () => string): SendGraphRequest {
  return async (token, request) => {
    try {
      const response = await fetch(url(), {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          accept: 'application/json',
        },
        body: JSON.stringify(request),
        signal: AbortSignal.timeout(timeoutMs),
      });
      return (await response.json()) as unknown;
    } catch (cause) {
      throw new ForgeError('PROVIDER_UNAVAILABLE', 'The gateway gave no answer.', {
        cause,
        retryable: true,
      });
    }
  };
}
