/** Something that is wrong with a spec. */
export interface SpecProblem {
  /** The path of the field, as a caller writes it: `spec.env[2].name`. */
  readonly field: string;
  readonly message: string;
}

export interface NumberRange {
  readonly min: number;
  readonly max: number;
  readonly default: number;
}

/** Collects everything that is wrong, so that all of it can be told at once. */
export class Problems {
  readonly #found: SpecProblem[] = [];
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  add(field: string, message: string): void {
    this.#found.push({ field: `${this.#root}.${field}`, message: `"${field}" ${message}` });
  }

  /** Checks a text that must reach the program, and our tables, just as it is. */
  text(field: string, value: string, bytesMax: number): void {
    if (Buffer.byteLength(value) > bytesMax) {
      this.add(field, `must be at most ${String(bytesMax)} bytes.`);
    }
    if (value.includes('\u0000')) this.add(field, 'must not contain a NUL character.');
    if (!value.isWellFormed()) this.add(field, 'must not contain half a surrogate pair.');
  }

  /** Gives a whole number within its range, its default if it is left out. */
  number(field: string, value: number | null | undefined, range: NumberRange): number {
    const given = value ?? Math.max(range.default, range.min);
    if (!Number.isInteger(given) || given < range.min || given > range.max) {
      this.add(field, `must be from ${String(range.min)} to ${String(range.max)}.`);
    }
    return given;
  }

  unique(field: string, entries: readonly { readonly name: string }[]): void {
    const seen = new Set<string>();
    for (const [n, { name }] of entries.entries()) {
      if (seen.has(name)) this.add(`${field}[${String(n)}].name`, 'is given twice.');
      seen.add(name);
    }
  }

  list(): readonly SpecProblem[] {
    return this.#found;
  }
}
