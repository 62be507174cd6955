import { z } from 'zod';

/** A port, or none without a value. */
export const portOrNone = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a port from 0 to 65535')
  .transform(Number)
  .refine((value) => value <= 65_535, 'must be a port from 0 to 65535')
  .optional();

/** A port. */
export const port = (fallback: number) => portOrNone.default(fallback);

/** Any text but an empty one. */
export const text = z.string().min(1, 'must not be empty').optional();

/** One URL of HTTP. */
export const url = z
  .url({ protocol: /^https?$/, error: 'must be a URL that begins with http:// or https://' })
  .optional();

/** Several of them. */
export const urls = z
  .string()
  .transform((value) => value.split(',').map((one) => one.trim()))
  .refine((all) => all.every((one) => /^https?:$/.test(URL.parse(one)?.protocol ?? '')), {
    error: 'must be URLs that begin with http:// or https://, separated by commas',
  })
  .optional();

/** Names, separated by commas. */
export const names = z
  .string()
  .transform((value) => value.split(',').map((one) => one.trim()))
  .refine((all) => all.every((one) => one !== ''), 'must be names, separated by commas')
  .optional();

/** Off without a value. */
export const onOff = z
  .enum(['on', 'off'], 'must be on or off')
  .optional()
  .default('off')
  .transform((value) => value === 'on');

/** A size; 0 without a value. */
export const mebibytes = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a whole number of MiB')
  .transform(Number)
  .optional()
  .default(0);

/** A part of a whole. */
export const share = (fallback: number) =>
  z
    .string()
    .transform(Number)
    .refine((value) => value >= 0 && value <= 1, 'must be a number from 0 to 1')
    .optional()
    .default(fallback);

/** A whole number of at least 1. */
export const count = (fallback: number, max: number) =>
  z
    .string()
    .regex(/^[1-9]\d*$/, `must be a whole number from 1 to ${String(max)}`)
    .transform(Number)
    .refine((value) => value <= max, `must be a whole number from 1 to ${String(max)}`)
    .optional()
    .default(fallback);
