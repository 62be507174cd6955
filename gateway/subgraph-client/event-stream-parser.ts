/** One dispatched event of a `text/event-stream`. */
export interface StreamedEvent {
  readonly event: string;
  readonly data: string;
}

/**
 * Reads server-sent events from bytes as they come, however they are cut.
 *
 * Follows the event stream grammar to the letter: any of the three line ends, a
 * byte order mark, comments, several data lines, no dispatch for an event cut
 * off by the end. Reads the next bytes only when the next event is asked for.
 */
export async function* parseEventStream(
  bytes: AsyncIterable<Uint8Array>,
  eventCharactersMax = defaultEventCharactersMax,
): AsyncGenerator<StreamedEvent> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: false });
  const assembler = new EventAssembler();
  let unfinished = '';
  let heldCr = '';
  for await (const chunk of bytes) {
    const text = heldCr + decoder.decode(chunk, { stream: true });
    heldCr = text.endsWith('\r') ? '\r' : ''; // Its LF may be in the next chunk.
    const lines = (heldCr ? text.slice(0, -1) : text).split(lineEnd);
    const last = lines.pop() ?? '';
    for (const line of lines) {
      const event = assembler.take(unfinished + line);
      unfinished = '';
      if (event) yield event;
    }
    unfinished += last;
    if (unfinished.length + assembler.size > eventCharactersMax) {
      throw new Error(`An event has more than ${String(eventCharactersMax)} characters`);
    }
  }
}

const defaultEventCharactersMax = 16 * 1_048_576;
const lineEnd = /\r\n|\n|\r/;

class EventAssembler {
  #event = '';
  #data: string[] = [];
  size = 0;

  /** Takes one line and gives the event it finishes, if it does. */
  take(line: string): StreamedEvent | undefined {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return undefined;
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#event = value;
    if (field === 'data') {
      this.#data.push(value);
      this.size += value.length;
    }
    return undefined;
  }

  #dispatch(): StreamedEvent | undefined {
    const event = { event: this.#event || 'message', data: this.#data.join('\n') };
    // graphql-sse ends a stream by an event without data; only nameless empty ones are nothing.
    const dispatched = this.#data.length > 0 || this.#event !== '' ? event : undefined;
    this.#event = '';
    this.#data = [];
    this.size = 0;
    return dispatched;
  }
}
