import type { Identity } from '../../subgraphs/shared/auth.ts';
import type { HttpStream } from './http-stream.ts';
import { isSameCaller } from './token-refresh.ts';

/** The streams over HTTP that are open. */
export class OpenStreams {
  readonly #byId = new Map<string, HttpStream>();
  #ending: { readonly reason: unknown } | undefined;

  /** One that is opened while all of them are ended, ends as well. */
  add(stream: HttpStream): void {
    this.#byId.set(stream.id, stream);
    const ending = this.#ending;
    if (ending) {
      setImmediate(() => {
        stream.fail(ending.reason);
      });
    }
  }

  delete({ id }: HttpStream): void {
    this.#byId.delete(id);
  }

  /** Gives a stream a new token. False when there is none of this id, or it is somebody else's. */
  renew(id: string, identity: Identity | undefined): boolean {
    const stream = this.#byId.get(id);
    if (!stream || !identity || !isSameCaller(stream.identity, identity)) return false;
    stream.renew(identity);
    return true;
  }

  /** Ends all of them, and those that come from now on. */
  end(reason: unknown): void {
    this.#ending = { reason };
    for (const stream of [...this.#byId.values()]) stream.fail(reason);
  }
}
