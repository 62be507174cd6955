import process from 'node:process';
import type { DestinationStream } from 'pino';

/**
 * Passes lines on, those of one turn of the event loop in one piece: a write to
 * the system costs more than the line does.
 *
 * A warning, or worse, goes out at once with all that came before it, and a
 * process that exits has written everything. What `kill -9` loses are the
 * quieter lines of the turn it was in.
 */
export function linesOfATurn(to: DestinationStream): DestinationStream {
  let waiting = '';
  let isExiting = false;
  const flush = (): void => {
    if (waiting === '') return;
    const lines = waiting;
    waiting = '';
    to.write(lines);
  };
  process.once('exit', () => {
    isExiting = true;
    flush();
  });
  const lines: DestinationStream & { lastLevel: number } = {
    lastLevel: 0,
    write(line) {
      if (waiting === '') setImmediate(flush);
      waiting += line;
      const isLoud = lines.lastLevel >= loudLevel;
      if (isLoud || isExiting || waiting.length > charactersMax) flush();
    },
  };
  // Asks pino to tell the level before each line.
  return Object.assign(lines, { [Symbol.for('pino.metadata')]: true });
}

/** Of a warning, as pino counts. */
const loudLevel = 40;

const charactersMax = 65_536;
