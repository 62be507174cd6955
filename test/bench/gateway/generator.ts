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
  const ended = once(child, 'exit').then((): [Answer] => [{ failure: 'The asking process died' }]);
  return {
    async load(order) {
      const answered = once(child, 'message') as Promise<[Answer]>;
      child.send(order);
      const [answer] = await Promise.race([answered, ended]);
      if ('failure' in answer) throw new Error(answer.failure);
      return answer.outcome;
    },
    stop: () => child.kill(),
  };
}

type Answer = { readonly outcome: Outcome } | { readonly failure: string };
