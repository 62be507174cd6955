/** One figure, and what it must not fall short of, if anything. */
export interface Finding {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly floor?: number;
  readonly ceiling?: number;
}

/** False as well for what could not be measured, when it has a bound. */
export function holds({ value, floor, ceiling }: Finding): boolean {
  return (floor === undefined || value >= floor) && (ceiling === undefined || value <= ceiling);
}
