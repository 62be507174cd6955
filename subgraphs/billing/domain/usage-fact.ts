/** The part of a usage fact that decides its price. */
export interface PricedUsage {
  readonly cpuMillicores: number;
  readonly memoryMib: number;
  readonly wallMs: number;
  readonly startedAt: Date;
}

/** Whether two accounts of one attempt would be charged alike. If not, one of them is wrong. */
export function sameUsage(one: PricedUsage, other: PricedUsage): boolean {
  return (
    one.cpuMillicores === other.cpuMillicores &&
    one.memoryMib === other.memoryMib &&
    one.wallMs === other.wallMs &&
    one.startedAt.getTime() === other.startedAt.getTime()
  );
}
