import type { HoldState } from './hold.ts';

/** The messages that move a hold. */
export type HoldMessage = 'job-submitted' | 'hold-unneeded' | 'attempt-finished';

/** What to do about a message, beside answering it. */
export type HoldStep = 'decide' | 'release' | 'settle' | 'repeat-answer' | 'none';

/**
 * What each message does to an attempt's hold, whatever came before it.
 *
 * Messages may come twice and in any order. An attempt that is over before its
 * hold was asked for leaves a closed hold of nothing, so that the late request
 * cannot keep credit aside for ever; and usage is charged in every state,
 * because what ran is paid (that it is charged once is the usage fact's rule).
 */
export function nextHoldStep(state: HoldState | undefined, message: HoldMessage): HoldStep {
  switch (message) {
    case 'job-submitted':
      return state === undefined ? 'decide' : 'repeat-answer';
    case 'hold-unneeded':
      return state === undefined || state === 'placed' ? 'release' : 'none';
    case 'attempt-finished':
      return state === 'settled' ? 'repeat-answer' : 'settle';
  }
}
