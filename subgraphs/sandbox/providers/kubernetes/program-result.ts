import { z } from 'zod';

const count = z.number().nonnegative();

/**
 * What the wrapper says of a program's end, in the termination message. The
 * program runs beside it and may forge it: nothing that costs somebody else
 * anything may follow from it.
 */
const programResult = z.object({
  v: z.literal(1),
  startedAt: count,
  finishedAt: count,
  exitCode: z.number().int().nullable(),
  signal: z.number().int().positive().nullable(),
  oomKilled: z.boolean(),
  timedOut: z.boolean(),
  stopped: z.boolean(),
  outputLimit: z.boolean(),
  cpuMs: count,
  memoryPeakBytes: count,
});
export type ProgramResult = z.output<typeof programResult>;

export function resultIn(message: string | undefined): ProgramResult | undefined {
  if (message === undefined) return undefined;
  try {
    return programResult.safeParse(JSON.parse(message)).data;
  } catch {
    return undefined;
  }
}
