import type { Context as KernelContext } from '../../../shared/context.ts';
import type { BillingDeps } from '../../workflows/deps.ts';

/** What every resolver of payments is given. */
export type Context = KernelContext<BillingDeps>;
