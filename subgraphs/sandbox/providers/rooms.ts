import type { RunnerCall } from './runner.ts';

/**
 * What makes and keeps the places in which tenants' programs run, for a runner
 * that needs one for each tenant. It runs nothing there itself.
 *
 * A refusal is an answer; throwing (a `ForgeError` PROVIDER_UNAVAILABLE,
 * retryable) means that there is none: ask again.
 */
export interface RoomKeeper {
  /** Another text as soon as rooms have to be another way. */
  readonly profile: string;

  /**
   * Makes the room of a tenant as it has to be, whatever of it is there, and
   * mends what somebody changed. Done twice, or by two at once, it is done.
   */
  keep(tenantId: string, call?: RunnerCall): Promise<RoomAnswer>;

  /**
   * Removes the room of a tenant with all that is in it. `going` until the last
   * of it is gone: ask again. A room of somebody else stays.
   */
  remove(tenantId: string, call?: RunnerCall): Promise<'gone' | 'going'>;
}

export type RoomAnswer =
  /** It is whole. `mended` names what was missing or another way. */
  | { readonly kind: 'ready'; readonly mended: readonly string[] }
  /** It is not, and cannot be made so from here. For operators. */
  | { readonly kind: 'refused'; readonly message: string };

/** Where programs are kept apart without a room for each tenant. */
export const noRooms: RoomKeeper = {
  profile: 'none',
  keep: () => Promise.resolve({ kind: 'ready', mended: [] }),
  remove: () => Promise.resolve('gone'),
};
