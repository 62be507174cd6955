/** Where a gateway has its supergraph from. */
export interface SupergraphSource {
  /**
   * Gives the supergraph to begin with, and from then on hands over each newer
   * one. Rejects when there is none to begin with.
   */
  start(onNewer: (composed: string) => void): Promise<string>;
  stop(): Promise<void>;
}

/** A supergraph that stays as it is. */
export function fixedSupergraph(composed: string): SupergraphSource {
  return { start: () => Promise.resolve(composed), stop: () => Promise.resolve() };
}
