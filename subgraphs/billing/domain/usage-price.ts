import { ForgeError } from '../../shared/errors.ts';
import { money } from '../../shared/money.ts';
import type { MoneyAmount } from '../../shared/money.ts';
import type { PriceList } from './price-list.ts';

/** Resources set aside for a time. What is set aside is paid, used or not. */
export interface ResourceTime {
  readonly cpuMillicores: number;
  readonly memoryMib: number;
  readonly billableMs: number;
}

/**
 * Prices one attempt's usage: exact integers throughout, rounded half up once
 * at the end, and never below the list's minimum, so that nothing that ran is
 * free. The same usage has the same price on every machine and in every order.
 */
export function priceUsage(usage: ResourceTime, list: PriceList): MoneyAmount {
  const cpu = whole('cpuMillicores', usage.cpuMillicores) * BigInt(list.vcpuSecondMicroMinor);
  const memory = whole('memoryMib', usage.memoryMib) * BigInt(list.gibSecondMicroMinor);
  const perMs = cpu * mibPerGib + memory * millicoresPerVcpu;
  const exact = whole('billableMs', usage.billableMs) * perMs;

  const rounded = (2n * exact + unitsPerMinor) / (2n * unitsPerMinor);
  const amount = rounded < BigInt(list.minimumMinor) ? BigInt(list.minimumMinor) : rounded;
  if (amount > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new ForgeError('INTERNAL', 'The usage costs more than an amount can hold.');
  }
  return money(Number(amount), list.currency);
}

const millicoresPerVcpu = 1000n;
const mibPerGib = 1024n;
const msPerSecond = 1000n;
const microPerUnit = 1_000_000n;
/** One minor unit, counted in the finest unit the two rates have in common. */
const unitsPerMinor = millicoresPerVcpu * mibPerGib * msPerSecond * microPerUnit;

function whole(name: string, value: number): bigint {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new ForgeError('INTERNAL', `Usage has no whole ${name}: ${String(value)}.`);
  }
  return BigInt(value);
}
