import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';

/** What is otherwise about asking a subgraph than it would be by itself. */
export interface SubgraphRule {
  /** How long one call may take; never longer than the client's operation may. */
  readonly timeoutMs?: number | undefined;
  /** Headers of the client's request that the subgraph gets, too. */
  readonly forward?: readonly string[] | undefined;
  /** Headers that the subgraph gets with every call, whatever the client sends. */
  readonly set?: Readonly<Record<string, string>> | undefined;
}

export interface SubgraphRules {
  readonly all?: SubgraphRule | undefined;
  /** By the name of the subgraph; what stands here goes before `all`. */
  readonly subgraphs?: Readonly<Record<string, SubgraphRule>> | undefined;
}

/** Headers that say who asks, or how the message is to be read: those are ours. */
const reserved = new RegExp(
  '^(accept|connection|content-.*|expect|host|keep-alive|proxy-.*|te|trailer|transfer-encoding|' +
    'upgrade|traceparent|x-request-id|x-forge-.*)$',
);

const headerName = z
  .string()
  .regex(/^[\w!#$%&'*+.^`|~-]+$/, 'must be the name of a header')
  .transform((name) => name.toLowerCase())
  .refine((name) => !reserved.test(name), 'is a header that only the gateway sets');

const rule = z.strictObject({
  timeoutMs: z.int().min(1).max(600_000).optional(),
  forward: z.array(headerName).max(50).optional(),
  set: z
    .record(headerName, z.string().regex(/^[\t\x20-\x7e]*$/, 'must be one line of ASCII'))
    .optional(),
});

/** The rules as they are written in a file. */
export const subgraphRulesSchema: z.ZodType<SubgraphRules> = z.strictObject({
  all: rule.optional(),
  subgraphs: z.record(z.string(), rule).optional(),
});

/** The rule for one subgraph. */
export function ruleFor({ all, subgraphs = {} }: SubgraphRules, name: string): SubgraphRule {
  const own = Object.hasOwn(subgraphs, name) ? subgraphs[name] : undefined;
  return { ...all, ...own, set: { ...all?.set, ...own?.set } };
}

/** The headers of a client's request that some subgraph gets. */
export type Forwarded = Readonly<Record<string, string>>;

/** The headers of clients that some subgraph gets: what answers may depend on. */
export function forwardedNames({ all, subgraphs = {} }: SubgraphRules): readonly string[] {
  const rules = [all, ...Object.values(subgraphs)];
  return [...new Set(rules.flatMap((one) => one?.forward ?? []))].sort();
}

/** Takes from a request the headers that some rule forwards; undefined when there is none. */
export function forwarding(
  rules: SubgraphRules,
): (headers: IncomingHttpHeaders) => Forwarded | undefined {
  const names = forwardedNames(rules);
  if (names.length === 0) return () => undefined;
  return (headers) => {
    const found = names.flatMap((name) => {
      const value = headers[name];
      return value === undefined ? [] : [[name, String(value)] as const];
    });
    return found.length > 0 ? Object.fromEntries(found) : undefined;
  };
}

/** What a rule adds to a call. */
export function ruledHeaders(
  { forward = [], set = {} }: SubgraphRule,
  forwarded: Forwarded | undefined,
): Readonly<Record<string, string>> {
  if (!forwarded) return set;
  const own = forward.flatMap((name) => {
    const value = forwarded[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(own), ...set };
}
