import { parseArgs } from 'node:util';

/** How the gateways are compared; every one is a flag of the same name. */
export interface Options {
  readonly rounds: number;
  /** Of each gateway in each round. */
  readonly seconds: number;
  /** Of each gateway before the first round, until its compilers have done what they will. */
  readonly warmUp: number;
  readonly connections: number;
  /** Names of contenders and of scenarios; empty means all. */
  readonly only: readonly string[];
  readonly scenarios: readonly string[];
}

/** Reads `--rounds 5 --seconds 4 --warm-up 10 --connections 32 --only ours,hive --scenarios big`. */
export function optionsOf(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '4' },
      'warm-up': { type: 'string', default: '10' },
      connections: { type: 'string', default: '32' },
      only: { type: 'string', default: '' },
      scenarios: { type: 'string', default: '' },
    },
  });
  return {
    rounds: positive('rounds', values.rounds),
    seconds: positive('seconds', values.seconds),
    warmUp: positive('warm-up', values['warm-up']),
    connections: positive('connections', values.connections),
    only: listOf(values.only),
    scenarios: listOf(values.scenarios),
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new Error(`--${name} is ${text}, it must be a number above 0.`);
}

function listOf(text: string): string[] {
  return text.split(',').filter((name) => name !== '');
}
