import { exceeded } from './limits.ts';

/**
 * Refuses a text whose brackets are nested too deeply, before it is parsed: the
 * parser goes down with each of them and would run out of stack.
 *
 * Brackets in strings and comments do not count.
 */
export function checkNesting(text: string, nestingMax: number): void {
  let depth = 0;
  for (const [part] of text.matchAll(parts)) {
    if ('{[('.includes(part)) depth += 1;
    else if ('}])'.includes(part)) depth -= 1;
    exceeded('brackets within each other', depth, nestingMax);
  }
}

/** Block strings, strings, comments, brackets. None of them can look back, so it is linear. */
const parts =
  /"""(?:[^"\\]|\\"""|\\|"(?!""))*(?:"""|$)|"(?:[^"\\\n\r]|\\.)*"?|#[^\n\r]*|[{}[\]()]/g;
