/** Plain data, as JSON knows it. */
export type Json =
  string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/**
 * Writes data as the one text that stands for it: members in order of their
 * names' UTF-16 units, no blanks (RFC 8785). Equal data gives equal bytes, on
 * every machine and whatever order it was built in, so that it can be hashed.
 */
export function canonicalJson(value: Json): string {
  if (isList(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.keys(value)
    .sort(byUtf16)
    .flatMap((name) => {
      const member = value[name];
      return member === undefined ? [] : [`${JSON.stringify(name)}:${canonicalJson(member)}`];
    });
  return `{${members.join(',')}}`;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** Compares code units, as `<` does; no locale has a say in it. */
function byUtf16(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
