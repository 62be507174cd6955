import { createHmac } from 'node:crypto';
import type { Body } from './state.ts';

/** Where an event goes: gives the status that it was answered with. */
export type WebhookSink = (raw: Buffer, headers: Record<string, string>) => Promise<number>;

export interface DeliverOptions {
  /** Whether the bytes are changed after they were signed. */
  readonly tampered?: boolean;
  readonly secret?: string;
  /** Signs with another secret as well, as while one is changed. */
  readonly otherSecret?: string;
  /** How far from now the signature says that it was made. */
  readonly offsetSeconds?: number;
}

const triesMax = 3;

/**
 * Tells of events, as Stripe does: at least once, in no order. By itself each goes
 * out at once and is tried three times; held back, each goes when a test says so.
 */
export class Webhooks {
  readonly events: Body[] = [];
  #sink: WebhookSink | undefined;
  #secret = '';
  #isHeld = false;
  #under = 0;
  #idle: (() => void)[] = [];

  /** The sink gets what is told from now on. */
  to(sink: WebhookSink, secret: string): void {
    this.#sink = sink;
    this.#secret = secret;
  }

  /** Keeps events back until they are delivered by hand. */
  hold(isHeld = true): void {
    this.#isHeld = isHeld;
  }

  tell(event: Body): void {
    this.events.push(event);
    if (!this.#isHeld && this.#sink) void this.#push(event);
  }

  /** Delivers one event now, as often as it is called. */
  async deliver(event: Body, options: DeliverOptions = {}): Promise<number> {
    if (!this.#sink) throw new Error('Nobody takes webhooks.');
    const { raw, headers } = this.signed(event, options);
    return this.#sink(raw, headers);
  }

  signed(event: Body, options: DeliverOptions = {}) {
    const time = Math.floor(Date.now() / 1_000) + (options.offsetSeconds ?? 0);
    const text = JSON.stringify(event);
    const secrets = [options.otherSecret, options.secret ?? this.#secret];
    const signatures = secrets
      .filter((secret) => secret !== undefined)
      .map((secret) => createHmac('sha256', secret).update(`${time}.${text}`).digest('hex'));
    const header = [`t=${time}`, ...signatures.map((one) => `v1=${one}`)].join();
    const raw = Buffer.from(options.tampered ? text.replace('"amount":', '"amount":9') : text);
    return { raw, headers: { 'stripe-signature': header, 'content-type': 'application/json' } };
  }

  /** Resolves when nothing is on its way. */
  idle(): Promise<void> {
    if (this.#under === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  async #push(event: Body): Promise<void> {
    this.#under += 1;
    for (let tries = 1; tries <= triesMax; tries += 1) {
      const status = await this.deliver(event).catch(() => 0);
      if (status >= 200 && status < 300) break;
      if (tries < triesMax)
        await new Promise((resolve) => setTimeout(resolve, 500 * tries).unref());
    }
    this.#under -= 1;
    if (this.#under === 0) for (const done of this.#idle.splice(0)) done();
  }
}
