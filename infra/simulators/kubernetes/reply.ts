import type { ServerResponse } from 'node:http';
import type { Fault } from './faults.ts';
import type { StatusError } from './status.ts';

/** The answer to one request, which goes wrong where it is told to. */
export class Reply {
  readonly #response: ServerResponse;
  readonly #fault: Fault | undefined;
  #sent = 0;
  #broken = false;

  constructor(response: ServerResponse, fault: Fault | undefined) {
    this.#response = response;
    this.#fault = fault;
  }

  get fault(): Fault | undefined {
    return this.#fault;
  }

  /** Fires when nobody reads the answer any more. */
  onClose(listener: () => void): void {
    this.#response.once('close', listener);
  }

  get isOpen(): boolean {
    return !this.#response.destroyed && !this.#response.writableEnded && !this.#broken;
  }

  json(code: number, body: object, headers: Record<string, string> = {}): void {
    const bytes = Buffer.from(JSON.stringify(body));
    const length = { 'content-length': String(bytes.length) };
    this.head(code, { 'content-type': 'application/json', ...length, ...headers });
    this.write(bytes);
    this.end();
  }

  refuse(error: StatusError): void {
    const after = error.retryAfterSeconds;
    this.json(error.code, error.body, after === undefined ? {} : { 'retry-after': String(after) });
  }

  head(code: number, headers: Record<string, string>): void {
    if (this.#response.headersSent || this.#response.destroyed) return;
    this.#response.writeHead(code, headers);
    this.#response.flushHeaders();
  }

  write(bytes: Buffer): void {
    if (!this.isOpen) return;
    const fault = this.#fault;
    const at = fault && 'afterBytes' in fault ? fault.afterBytes - this.#sent : Infinity;
    this.#sent += bytes.length;
    if (bytes.length < at || at < 0) {
      this.#response.write(bytes);
      return;
    }
    if (at > 0) this.#response.write(bytes.subarray(0, at));
    if (fault?.kind === 'garbage') {
      this.#response.write('{"type":"MODI\n');
      this.#response.write(bytes.subarray(at));
      return;
    }
    this.#broken = true;
    if (fault?.kind === 'reset') this.break();
    if (fault?.kind === 'close') this.#response.end();
  }

  end(): void {
    if (this.isOpen) this.#response.end();
  }

  /** Breaks the connection once what was written is on its way. */
  break(): void {
    this.#broken = true;
    const { socket } = this.#response;
    setImmediate(() => socket?.destroy());
  }
}
