import type { Rate, RateLimiter, Taken } from './rate-limit.ts';

/** Runs one statement and gives its rows. Whoever starts the gateway brings it. */
export type Query = (
  sql: string,
  values: readonly unknown[],
) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/**
 * Token buckets that all gateways over one database share, counted by the
 * database's clock in one statement each.
 *
 * The table is unlogged: after a crash of the database every bucket is full,
 * which lets a burst through and loses nothing else. Without an answer of the
 * database nobody is held up: `fallback` counts in this process instead, and
 * `failed` is told why.
 */
export function postgresRateLimiter(
  query: Query,
  fallback: RateLimiter,
  failed: (cause: unknown) => void,
): RateLimiter {
  return {
    async take(key, rate, wanted = 1) {
      const amount = Math.min(wanted, rate.burst);
      try {
        const [row] = await query(takeSql, [key, rate.perSecond, rate.burst, amount]);
        return takenIn(row, rate, amount);
      } catch (cause) {
        failed(cause);
        return fallback.take(key, rate, amount);
      }
    },
  };
}

/** Makes the table of the buckets, once; to be run by a role that may. */
export const rateLimitTable = `create unlogged table if not exists rate_bucket (
  key text primary key,
  tokens double precision not null,
  allowed boolean not null,
  at timestamptz not null
)`;

/** Concurrent statements wait for each other's row, so nothing is taken twice. */
const takeSql = `
  insert into rate_bucket as bucket (key, tokens, allowed, at)
    values ($1, $3::float8 - $4::float8, true, clock_timestamp())
  on conflict (key) do update set (tokens, allowed, at) = (
    select case when refilled >= $4::float8 then refilled - $4::float8 else refilled end,
      refilled >= $4::float8, clock_timestamp()
    from (select least($3::float8, bucket.tokens + $2::float8 *
      greatest(0, extract(epoch from clock_timestamp() - bucket.at))) as refilled) as one)
  returning tokens, allowed`;

function takenIn(
  row: Readonly<Record<string, unknown>> | undefined,
  { perSecond }: Rate,
  amount: number,
): Taken {
  if (row?.['allowed'] === true) return { isAllowed: true };
  const tokens = Number(row?.['tokens']);
  if (!Number.isFinite(tokens)) throw new Error('The bucket was not counted');
  return { isAllowed: false, retryAfterMs: Math.ceil(((amount - tokens) / perSecond) * 1_000) };
}
