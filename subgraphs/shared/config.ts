import process from 'node:process';
import { resolve } from 'node:path';
import { z } from 'zod';
import { artifactContradictions, artifactsOf, artifactSettings } from './artifacts-config.ts';
import type { ArtifactsConfig } from './artifacts-config.ts';
import type { TokenRules } from './auth.ts';
import type { KeySource } from './keys.ts';
import type { LogLevel } from './log.ts';
import type { StripeConfig } from './stripe-settings.ts';
import { stripeOf, stripeProblems, stripeSettings } from './stripe-settings.ts';
import type { TracingOptions } from './telemetry.ts';
import { count, mebibytes, names, onOff, port, share, text, url, urls } from './setting-kinds.ts';

/** A setting of the product: its variable, what it may be, and what it is for. */
interface Setting<T> {
  readonly about: string;
  readonly schema: z.ZodType<T, string | undefined>;
}

/** Every variable that the product reads. Nothing else in the environment changes what it does. */
export const settings = {
  NODE_ENV: {
    about: '`production` refuses what is for development only.',
    schema: z.string().optional().default('development'),
  },
  FORGE_PORT: { about: 'Where the gateway listens.', schema: port(4000) },
  FORGE_HOST: { about: 'The address the gateway listens on.', schema: text.default('127.0.0.1') },
  FORGE_PUBLIC_URL: { about: 'The URL of `/graphql` as clients reach it.', schema: url },
  FORGE_ADMIN_PORT: { about: 'Where health and metrics are served.', schema: port(4001) },
  FORGE_ADMIN_HOST: {
    about: 'The address health and metrics listen on.',
    schema: text.default('127.0.0.1'),
  },
  FORGE_DATA_DIR: {
    about: 'The folder of the embedded database, development keys, local jobs and files of jobs.',
    schema: text.default('.forge'),
  },
  DATABASE_URL: {
    about: 'A Postgres to use instead of the embedded one.',
    schema: z
      .string()
      .regex(/^postgres(ql)?:\/\//, 'must begin with postgres:// or postgresql://')
      .optional(),
  },
  FORGE_ROOT_SECRET: {
    about: 'Base64 of at least 32 random bytes, from which the platform’s keys are derived.',
    schema: z
      .string()
      .refine((value) => Buffer.from(value, 'base64').length >= 32, {
        error: 'must be base64 of at least 32 bytes',
      })
      .optional(),
  },
  FORGE_ISSUER: {
    about: 'The issuer of partners’ tokens.',
    schema: z.url('must be a URL').optional(),
  },
  FORGE_JWKS_URL: { about: 'Where that issuer publishes its keys.', schema: url },
  FORGE_AUDIENCE: { about: 'The audience tokens must name.', schema: text.default('forge') },
  FORGE_SANDBOX: {
    about: 'Where jobs run: `local` or `kubernetes`.',
    schema: z.enum(['local', 'kubernetes']).optional(),
  },
  FORGE_KUBECONFIG: { about: 'The kubeconfig of the cluster for jobs.', schema: text },
  FORGE_SANDBOX_DUTIES: {
    about: 'What a worker of the sandbox does: run programs, keep tenants apart, or both.',
    schema: z.enum(['programs', 'tenancy', 'both']).default('both'),
  },
  FORGE_SANDBOX_SETTINGS: {
    about: 'A JSON file that says what the cluster for jobs is like.',
    schema: text.default('/etc/forge/sandbox.json'),
  },
  ...artifactSettings,
  FORGE_SUBGRAPH_HOST: {
    about: 'The address a subgraph of its own listens on.',
    schema: text.default('127.0.0.1'),
  },
  FORGE_SUBGRAPH_PORT: { about: 'Where a subgraph of its own listens.', schema: port(4100) },
  FORGE_GATEWAY_URL: {
    about: 'The gateway as AI employees of a subgraph of its own reach it.',
    schema: url,
  },
  FORGE_POOL_MAX: {
    about: 'Database connections of one subgraph.',
    schema: count(8, 100),
  },
  FORGE_LOG_LEVEL: {
    about: 'trace, debug, info, warn, error or silent.',
    schema: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
      .optional()
      .default('info'),
  },
  FORGE_SUBGRAPH_RULES: {
    about: 'A file that says how subgraphs are asked: deadlines, and headers they get.',
    schema: text,
  },
  FORGE_GATEWAY_LIMITS: {
    about: 'A file that says what each tenant may ask for.',
    schema: text,
  },
  FORGE_PERSISTED_OPERATIONS: {
    about: 'A manifest of the operations that clients were built with, in Apollo’s format.',
    schema: text,
  },
  FORGE_PERSISTED_OPERATIONS_MODE: {
    about: 'What becomes of other operations: off, log-only, safelist or ids-only.',
    schema: z.enum(['off', 'log-only', 'safelist', 'ids-only']).optional().default('off'),
  },
  FORGE_WARM_UP_SECONDS: {
    about: 'How long a graph is made ready for what will be asked, before it is served.',
    schema: count(10, 600),
  },
  FORGE_RESPONSE_CACHE_MIB: {
    about: 'How much the answers that are kept may take; 0 keeps none.',
    schema: mebibytes,
  },
  FORGE_SHARE_IN_FLIGHT: {
    about: 'Whether an actor’s same queries at the same time share one execution: on or off.',
    schema: onOff,
  },
  FORGE_OVERRIDE_LABELS: {
    about: 'Labels of `@override` that are on for everybody; separated by commas.',
    schema: names,
  },
  FORGE_TELL_COST: {
    about: 'Whether answers say what they cost, in `extensions.cost`: on or off.',
    schema: onOff,
  },
  ...stripeSettings,
  APOLLO_KEY: {
    about: 'The key of GraphOS: usage is reported, and a gateway may get its supergraph there.',
    schema: text,
  },
  APOLLO_GRAPH_REF: { about: 'The graph in GraphOS, such as forge@production.', schema: text },
  APOLLO_UPLINK_ENDPOINTS: {
    about: 'Where supergraphs come from, instead of Apollo’s own addresses; separated by commas.',
    schema: urls,
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    about: 'Where traces are sent; without it they are sent nowhere.',
    schema: url,
  },
  OTEL_TRACES_SAMPLER_ARG: {
    about: 'Of the traces that begin here so many are recorded: 0.1 is one in ten.',
    schema: share(1),
  },
} as const satisfies Record<string, Setting<unknown>>;

type Values = {
  readonly [Name in keyof typeof settings]: z.output<(typeof settings)[Name]['schema']>;
};

/** Everything that can be set, read once and checked as a whole. */
export interface Config {
  readonly production: boolean;
  readonly gateway: {
    readonly host: string;
    readonly port: number;
    /** Where clients reach the gateway. */
    readonly publicUrl: string;
    /** The file with the rules for asking subgraphs. */
    readonly subgraphRules: string | undefined;
    /** The file with the limits of tenants. */
    readonly limits: string | undefined;
    readonly persisted: {
      /** The file with the list of operations. */
      readonly file: string | undefined;
      readonly mode: 'off' | 'log-only' | 'safelist' | 'ids-only';
    };
    readonly warmUpMs: number;
    /** 0 keeps no answers. */
    readonly responseCacheBytes: number;
    readonly sharesInFlight: boolean;
    readonly overrideLabels: readonly string[];
    readonly tellCost: boolean;
  };
  readonly admin: { readonly host: string; readonly port: number };
  readonly subgraph: { readonly host: string; readonly port: number };
  readonly dataDir: string;
  /** Undefined: the embedded database. */
  readonly databaseUrl: string | undefined;
  readonly poolMax: number;
  readonly keys: KeySource;
  readonly auth: TokenRules & {
    /** Whether tokens come from the development issuer, whose keys are in the data folder. */
    readonly development: boolean;
  };
  readonly sandbox: {
    readonly driver: 'local' | 'kubernetes';
    readonly rootDir: string;
    /** Undefined for the cluster in which this process is a pod. */
    readonly kubeconfig: string | undefined;
    readonly settingsFile: string;
    readonly artifacts: ArtifactsConfig;
    readonly duties: 'programs' | 'tenancy' | 'both';
  };
  readonly stripe: StripeConfig;
  readonly apollo: {
    readonly key: string | undefined;
    readonly graphRef: string | undefined;
    /** Where supergraphs come from; undefined for Apollo's own addresses. */
    readonly uplink: readonly string[] | undefined;
  };
  readonly log: { readonly level: LogLevel };
  readonly tracing: TracingOptions;
}

/** All that is wrong with the configuration, a line each. The process ends with 78 (EX_CONFIG). */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(problems: readonly string[]) {
    super(`The configuration cannot be used:\n${problems.map((one) => `  ${one}`).join('\n')}`);
  }
}

export const developmentIssuer = 'http://forge.localhost/development';

/** Reads the configuration, and says everything that is wrong with it at once. */
export function loadConfig(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Config {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, { schema }] of Object.entries(settings)) {
    const given = env[name] === '' ? undefined : env[name];
    const result = schema.safeParse(given);
    if (result.success) values[name] = result.data;
    else problems.push(`${name} ${result.error.issues[0]?.message ?? 'cannot be used'}.`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const read = values as unknown as Values;
  problems.push(...contradictions(read));
  if (problems.length > 0) throw new ConfigError(problems);
  return configOf(read);
}

function contradictions(values: Values): string[] {
  const problems: string[] = [];
  if ((values.FORGE_ISSUER === undefined) !== (values.FORGE_JWKS_URL === undefined)) {
    problems.push('FORGE_ISSUER and FORGE_JWKS_URL are set together or not at all.');
  }
  const { FORGE_PERSISTED_OPERATIONS_MODE: mode, FORGE_PERSISTED_OPERATIONS: list } = values;
  if (mode !== 'off' && list === undefined) {
    problems.push(`FORGE_PERSISTED_OPERATIONS_MODE=${mode} needs FORGE_PERSISTED_OPERATIONS.`);
  }
  problems.push(...artifactContradictions(values));
  problems.push(...stripeProblems(values));
  if (values.NODE_ENV !== 'production') return problems;
  const needed = ['DATABASE_URL', 'FORGE_ISSUER', 'FORGE_ROOT_SECRET'] as const;
  for (const name of needed) {
    if (values[name] === undefined) problems.push(`${name} is needed when NODE_ENV=production.`);
  }
  return problems;
}

function configOf(values: Values): Config {
  const production = values.NODE_ENV === 'production';
  const dataDir = resolve(values.FORGE_DATA_DIR);
  const { FORGE_HOST: host, FORGE_PORT: gatewayPort } = values;
  const own = `http://${host.includes(':') ? `[${host}]` : host}:${String(gatewayPort)}/graphql`;
  const kubeconfig = values.FORGE_KUBECONFIG;
  const { FORGE_ISSUER: issuer, FORGE_JWKS_URL: jwksUrl } = values;
  return {
    production,
    gateway: {
      host,
      port: gatewayPort,
      publicUrl: values.FORGE_GATEWAY_URL ?? values.FORGE_PUBLIC_URL ?? own,
      subgraphRules: values.FORGE_SUBGRAPH_RULES,
      limits: values.FORGE_GATEWAY_LIMITS,
      persisted: {
        file: values.FORGE_PERSISTED_OPERATIONS,
        mode: values.FORGE_PERSISTED_OPERATIONS_MODE,
      },
      warmUpMs: 1_000 * values.FORGE_WARM_UP_SECONDS,
      responseCacheBytes: 1_048_576 * values.FORGE_RESPONSE_CACHE_MIB,
      sharesInFlight: values.FORGE_SHARE_IN_FLIGHT,
      overrideLabels: values.FORGE_OVERRIDE_LABELS ?? [],
      tellCost: values.FORGE_TELL_COST,
    },
    admin: { host: values.FORGE_ADMIN_HOST, port: values.FORGE_ADMIN_PORT },
    subgraph: { host: values.FORGE_SUBGRAPH_HOST, port: values.FORGE_SUBGRAPH_PORT },
    dataDir,
    databaseUrl: values.DATABASE_URL,
    poolMax: values.FORGE_POOL_MAX,
    keys: { rootSecret: values.FORGE_ROOT_SECRET, production, dataDir },
    auth: {
      issuer: issuer ?? developmentIssuer,
      audience: values.FORGE_AUDIENCE,
      development: issuer === undefined,
      jwks:
        jwksUrl === undefined
          ? { file: resolve(dataDir, 'development-issuer', 'jwks.json') }
          : { url: new URL(jwksUrl) },
    },
    sandbox: {
      driver: values.FORGE_SANDBOX ?? (kubeconfig === undefined ? 'local' : 'kubernetes'),
      rootDir: resolve(dataDir, 'sandbox'),
      kubeconfig,
      settingsFile: values.FORGE_SANDBOX_SETTINGS,
      artifacts: artifactsOf(values, dataDir, values.FORGE_PUBLIC_URL ?? own),
      duties: values.FORGE_SANDBOX_DUTIES,
    },
    stripe: stripeOf(values),
    apollo: {
      key: values.APOLLO_KEY,
      graphRef: values.APOLLO_GRAPH_REF,
      uplink: values.APOLLO_UPLINK_ENDPOINTS,
    },
    log: { level: values.FORGE_LOG_LEVEL },
    tracing: tracingOf(values),
  };
}

function tracingOf(values: Values): TracingOptions {
  return {
    endpoint: values.OTEL_EXPORTER_OTLP_ENDPOINT,
    ratio: values.OTEL_TRACES_SAMPLER_ARG,
  };
}
