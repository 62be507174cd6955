import type { Context as KernelContext } from '../../shared/context.ts';
import type { SandboxDeps } from '../workflows/deps.ts';

/** What every resolver of the sandbox is given. */
export type Context = KernelContext<SandboxDeps>;
