export interface RetryBudget {
  /** A call is made for the first time. */
  call(): void;
  /** Whether one more may be made again; if so, it counts. */
  retry(): boolean;
}

/**
 * Keeps retries a small part of all calls: one in five, and twenty at once. When
 * everything fails, asking everything again would only add to the load.
 */
export function retryBudget(): RetryBudget {
  const tokensMax = 20;
  let tokens = tokensMax;
  return {
    call() {
      tokens = Math.min(tokensMax, tokens + 0.2);
    },
    retry() {
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
