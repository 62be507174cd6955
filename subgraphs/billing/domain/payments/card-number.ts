/**
 * Finds what may be the number of a card: 13 to 19 digits, however grouped by
 * blanks or dashes, that pass the check of Luhn (ISO/IEC 7812-1). Card numbers
 * never enter: whoever has one gives it to the provider and gets a token.
 *
 * Gives the path of the first such text within a value, or undefined.
 */
export function cardNumberIn(value: unknown, path: readonly string[] = []): string | undefined {
  if (typeof value === 'string') return hasCardNumber(value) ? path.join('.') : undefined;
  if (typeof value === 'number') return hasCardNumber(String(value)) ? path.join('.') : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, member] of Object.entries(value)) {
    if (hasCardNumber(name)) return path.join('.');
    const found = cardNumberIn(member, [...path, name]);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Replaces every such number within a text. */
export function withoutCardNumbers(text: string): string {
  let clean = text;
  for (const match of text.matchAll(runs)) {
    if (holdsCard(match[0])) clean = clean.replace(match[0], '[card number]');
  }
  return clean;
}

const runs = /\d(?:[ -]?\d){12,}/g;
const lengthMin = 13;
const lengthMax = 19;

function hasCardNumber(text: string): boolean {
  return text.length >= lengthMin && [...text.matchAll(runs)].some(([run]) => holdsCard(run));
}

/** Within a run that is longer than a number may be, one is looked for at every place. */
function holdsCard(run: string): boolean {
  const digits = run.replaceAll(/[ -]/g, '');
  if (digits.length <= lengthMax) return isCard(digits);
  for (let start = 0; start + lengthMin <= digits.length; start += 1) {
    for (let length = lengthMin; length <= lengthMax; length += 1) {
      if (start + length <= digits.length && isCard(digits.slice(start, start + length)))
        return true;
    }
  }
  return false;
}

function isCard(digits: string): boolean {
  // No industry is 0 (ISO/IEC 7812-1).
  if (digits.startsWith('0')) return false;
  let sum = 0;
  for (let place = 0; place < digits.length; place += 1) {
    const digit = Number(digits[digits.length - 1 - place]);
    const value = place % 2 === 1 ? digit * 2 : digit;
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 === 0;
}
