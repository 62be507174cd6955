import type { Context as KernelContext } from '../../shared/context.ts';
import type { VerticalsDeps } from '../workflows/deps.ts';

/** What every resolver of verticals is given. */
export type Context = KernelContext<VerticalsDeps>;
