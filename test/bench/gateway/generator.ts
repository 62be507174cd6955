import { once } from 'node:events';
import { beside } from './contenders.ts';
import type { Order, Outcome } from './load.ts';
import { started } from './processes.ts';

/** The process that asks: one for all, since only one gateway is asked at a time. */
export interface Generator {
  load(order: Order): Promise<Outcome>;
  stop(): void;
}

export async function startGenerator(): Promise<Generator> {
  const { child } = await started({ file: beside('load.ts'), args: [], channel: true });
  return {
    async load(order) {
      const answered = once(child, 'message') as Promise<[Answer]>;
      child.send(order);
      const [answer] = await answered;
      if ('failure' in answer) throw new Error(answer.failure);
      return answer.outcome;
    },
    stop: () => child.kill(),
  };
}

type Answer = { readonly outcome: Outcome } | { readonly failure: string };
