import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { request } from 'undici';
import type { Config } from '../../subgraphs/shared/config.ts';
import { StripeSimulator } from '../simulators/stripe/simulator.ts';
import type { Lifetime } from './lifetime.ts';

const webhookTimeoutMs = 10_000;

/**
 * Gives billing a double of Stripe to take payments with, unless it has a key of
 * the real one. What it knows is kept in the data folder. In production there is
 * no double: without a key nobody takes payments.
 */
export async function withStripe(config: Config, life: Lifetime): Promise<Config> {
  if (config.stripe.secretKey !== undefined || config.production) return config;
  const simulator = await StripeSimulator.start({
    file: join(config.dataDir, 'stripe-simulator.json'),
  });
  life.atEnd(() => simulator.close());
  const secret = `whsec_${randomBytes(24).toString('hex')}`;
  const { host, port } = config.gateway;
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  const url = `http://${name.includes(':') ? `[${name}]` : name}:${String(port)}/webhooks/stripe/platform`;
  simulator.webhooks.to(async (raw, headers) => {
    const signal = AbortSignal.timeout(webhookTimeoutMs);
    const { statusCode, body } = await request(url, { method: 'POST', body: raw, headers, signal });
    await body.dump();
    return statusCode;
  }, secret);
  return {
    ...config,
    stripe: {
      secretKey: 'sk_test_simulated',
      webhookSecrets: [secret],
      clientId: 'ca_simulated',
      baseUrl: simulator.url,
    },
  };
}
