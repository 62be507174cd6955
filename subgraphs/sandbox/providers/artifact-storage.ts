import type { SaidContent } from '../domain/artifact-content.ts';
import type { ByteRange } from '../domain/byte-range.ts';

/**
 * Where the content of artifacts lies. One file beside this one per kind of place.
 *
 * What is there under a key never changes: another content has another key. What
 * lies there for nothing is found by whoever wrote its key down before putting it.
 * A call throws a `ForgeError` PROVIDER_UNAVAILABLE, retryable, when there is no
 * usable answer; when its signal fires, it throws that signal's reason.
 */
export interface ArtifactStorage {
  readonly name: 'folder' | 's3';

  /**
   * Keeps a content under a key, all of it or nothing, whatever is killed
   * meanwhile; once it comes back the content survives a loss of power. Put
   * again it is there once. Throws `ContentChanged` when the content is not what
   * was said of it. It is never held in memory as a whole.
   */
  put(key: string, said: SaidContent, call?: StorageCall): Promise<void>;

  /** Gives a part of a content, or undefined when there is none under that key. */
  open(
    key: string,
    range: ByteRange,
    call?: StorageCall,
  ): Promise<AsyncIterable<Uint8Array> | undefined>;

  /** Removes whatever is there under a key, half-written ones too. Done twice it is done. */
  remove(key: string, call?: StorageCall): Promise<void>;

  close(): Promise<void>;
}

export interface StorageCall {
  readonly signal?: AbortSignal | undefined;
}
