import type { Actor } from '../../shared/auth.ts';

/** Who moves money when a message, not a person, is the cause. */
export const billingActor: Actor = { type: 'service', id: 'billing' };
