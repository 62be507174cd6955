import { describe, expect, it } from '@jest/globals';
import { resolve } from 'node:path';
import { ConfigError, developmentIssuer, loadConfig, settings } from './config.ts';

const rootSecret = Buffer.alloc(32, 7).toString('base64');
const production = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://db.example/forge',
  FORGE_ISSUER: 'https://issuer.example',
  FORGE_JWKS_URL: 'https://issuer.example/jwks.json',
  FORGE_ROOT_SECRET: rootSecret,
};

/** The lines after the first, each a problem. */
function problems(env: Record<string, string>): string[] {
  try {
    loadConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message.split('\n').slice(1);
  }
  return [];
}

describe('settings', () => {
  it('each say what they are for', () => {
    const silent = Object.entries(settings).filter(([, { about }]) => !/^.{10,}\.$/.test(about));
    expect(silent).toEqual([]);
  });

  it('are all of this product, or named by what they come from', () => {
    const foreign = Object.keys(settings).filter((name) => !name.startsWith('FORGE_'));
    expect(foreign).toEqual([
      'NODE_ENV',
      'DATABASE_URL',
      'STRIPE_SECRET_KEY',
      'STRIPE_WEBHOOK_SECRET',
      'STRIPE_CLIENT_ID',
      'APOLLO_KEY',
      'APOLLO_GRAPH_REF',
      'APOLLO_UPLINK_ENDPOINTS',
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'OTEL_TRACES_SAMPLER_ARG',
    ]);
  });
});

describe('loadConfig', () => {
  it('needs nothing to start on one’s own machine, where nobody else reaches it', () => {
    const config = loadConfig({});
    expect(config).toMatchObject({
      production: false,
      gateway: { host: '127.0.0.1', port: 4000, publicUrl: 'http://127.0.0.1:4000/graphql' },
      admin: { host: '127.0.0.1', port: 4001 },
      subgraph: { host: '127.0.0.1', port: 4100 },
      dataDir: resolve('.forge'),
      databaseUrl: undefined,
      auth: { issuer: developmentIssuer, audience: 'forge', development: true },
      sandbox: { driver: 'local' },
      tracing: { endpoint: undefined, ratio: 1 },
    });
    expect(config.auth.jwks).toEqual({ file: resolve('.forge/development-issuer/jwks.json') });
  });

  it('reads every variable into its place', () => {
    expect(
      loadConfig({
        ...production,
        FORGE_HOST: '0.0.0.0',
        FORGE_PORT: '0',
        FORGE_PUBLIC_URL: 'https://api.example/graphql',
        FORGE_ADMIN_HOST: '10.0.0.1',
        FORGE_ADMIN_PORT: '9000',
        FORGE_DATA_DIR: '/data',
        FORGE_AUDIENCE: 'partners',
        FORGE_SANDBOX: 'kubernetes',
        FORGE_KUBECONFIG: '/etc/kubeconfig',
        FORGE_SANDBOX_SETTINGS: '/etc/sandbox.json',
        FORGE_SUBGRAPH_HOST: '10.0.0.2',
        FORGE_SUBGRAPH_PORT: '65535',
        FORGE_POOL_MAX: '100',
        FORGE_LOG_LEVEL: 'debug',
        APOLLO_KEY: 'service:x',
        APOLLO_GRAPH_REF: 'forge@main',
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
      }),
    ).toMatchObject({
      production: true,
      gateway: { host: '0.0.0.0', port: 0, publicUrl: 'https://api.example/graphql' },
      admin: { host: '10.0.0.1', port: 9000 },
      subgraph: { host: '10.0.0.2', port: 65_535 },
      dataDir: '/data',
      databaseUrl: 'postgres://db.example/forge',
      poolMax: 100,
      keys: { rootSecret, production: true, dataDir: '/data' },
      auth: {
        issuer: 'https://issuer.example',
        audience: 'partners',
        development: false,
        jwks: { url: new URL('https://issuer.example/jwks.json') },
      },
      sandbox: {
        driver: 'kubernetes',
        rootDir: '/data/sandbox',
        kubeconfig: '/etc/kubeconfig',
        settingsFile: '/etc/sandbox.json',
      },
      apollo: { key: 'service:x', graphRef: 'forge@main' },
      log: { level: 'debug' },
      tracing: { endpoint: 'http://collector:4318', ratio: 1 },
    });
  });

  it('says everything that is wrong at once, a line for each variable', () => {
    const lines = problems({
      FORGE_PORT: '70000',
      FORGE_ADMIN_PORT: 'http',
      FORGE_ISSUER: 'issuer',
      DATABASE_URL: 'mysql://db',
      FORGE_ROOT_SECRET: 'short',
      FORGE_SANDBOX: 'docker',
      FORGE_POOL_MAX: '0',
      FORGE_LOG_LEVEL: 'loud',
    });
    expect(lines.map((line) => line.trim().split(' ')[0])).toEqual([
      'FORGE_PORT',
      'FORGE_ADMIN_PORT',
      'DATABASE_URL',
      'FORGE_ROOT_SECRET',
      'FORGE_ISSUER',
      'FORGE_SANDBOX',
      'FORGE_POOL_MAX',
      'FORGE_LOG_LEVEL',
    ]);
  });

  it('never repeats a value, which may be a secret', () => {
    const given = Object.fromEntries(
      Object.keys(settings).map((name) => [name, `pl4nted ${name} mysql://pl4nted`]),
    );
    expect(problems(given).length).toBeGreaterThan(8);
    expect(problems(given).join('\n')).not.toContain('pl4nted');
  });

  it.each<[string, string]>([
    ['FORGE_PORT', '-1'],
    ['FORGE_PORT', '65536'],
    ['FORGE_PORT', '4000.5'],
    ['FORGE_PORT', ' 4000'],
    ['FORGE_POOL_MAX', '101'],
    ['FORGE_POOL_MAX', '1e2'],
    ['FORGE_PUBLIC_URL', 'api.example/graphql'],
    ['FORGE_PUBLIC_URL', 'localhost:4000/graphql'],
    ['FORGE_GATEWAY_URL', 'javascript:alert(1)'],
    ['FORGE_JWKS_URL', 'file:///etc/passwd'],
    ['FORGE_ROOT_SECRET', Buffer.alloc(31).toString('base64')],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
  ])('refuses %s=%s and nothing else', (name, value) => {
    const others: Record<string, string> =
      name === 'FORGE_JWKS_URL' ? { FORGE_ISSUER: 'https://issuer.example' } : {};
    expect(problems({ ...others, [name]: value })).toEqual([
      expect.stringMatching(new RegExp(`^ {2}${name} must be .*\\.$`)),
    ]);
  });

  it('takes an empty variable for one that is not set', () => {
    const empty = Object.fromEntries(Object.keys(settings).map((name) => [name, '']));
    expect(loadConfig(empty)).toEqual(loadConfig({}));
  });

  it('is not changed by anything else in the environment', () => {
    expect(loadConfig({ FORGE_PROT: '1', PORT: '80', HOST: '0.0.0.0' })).toEqual(loadConfig({}));
  });

  it('wants an issuer with its keys, and keys with their issuer', () => {
    const both = 'FORGE_ISSUER and FORGE_JWKS_URL are set together or not at all.';
    expect(problems({ FORGE_ISSUER: 'https://issuer.example' })).toEqual([`  ${both}`]);
    expect(problems({ FORGE_JWKS_URL: 'https://issuer.example' })).toEqual([`  ${both}`]);
  });

  it('takes a kubeconfig as the wish for Kubernetes, and does without one in a pod', () => {
    const inPod = loadConfig({ FORGE_SANDBOX: 'kubernetes' });
    expect(inPod.sandbox).toMatchObject({ driver: 'kubernetes', kubeconfig: undefined });
    expect(loadConfig({ FORGE_KUBECONFIG: '/k' }).sandbox.driver).toBe('kubernetes');
    const local = loadConfig({ FORGE_KUBECONFIG: '/k', FORGE_SANDBOX: 'local' });
    expect(local.sandbox.driver).toBe('local');
  });

  it('keeps files of jobs in the data folder, or in a bucket with the keys to it', () => {
    const { folder, s3 } = loadConfig({ FORGE_DATA_DIR: '/data' }).sandbox.artifacts;
    expect([folder, s3]).toEqual(['/data/artifacts', undefined]);
    const keys = {
      FORGE_ARTIFACTS_S3_BUCKET: 'files',
      FORGE_ARTIFACTS_S3_ACCESS_KEY_ID: 'id',
      FORGE_ARTIFACTS_S3_SECRET_ACCESS_KEY: 'secret',
    };
    const region = { FORGE_ARTIFACTS_S3_REGION: 'eu-central-1' };
    expect(loadConfig({ ...keys, ...region }).sandbox.artifacts.s3).toEqual({
      endpoint: 'https://s3.eu-central-1.amazonaws.com',
      ...{ bucket: 'files', region: 'eu-central-1', pathStyle: false },
      ...{ accessKeyId: 'id', secretAccessKey: 'secret' },
    });
    for (const name of Object.keys(keys)) {
      expect(problems({ ...keys, [name]: '' })).toEqual([
        expect.stringContaining('together or not at all'),
      ]);
    }
  });

  it('has files fetched where the gateway is reached, or where it is told', () => {
    const at = (env: Record<string, string>) => loadConfig(env).sandbox.artifacts.url;
    expect(at({ FORGE_PUBLIC_URL: 'https://forge.example/graphql' })).toBe(
      'https://forge.example/artifacts/',
    );
    expect(at({ FORGE_ARTIFACTS_URL: 'https://files.example/a' })).toBe('https://files.example/a/');
  });

  it('tells AI employees of a subgraph of its own where the gateway is', () => {
    const { gateway } = loadConfig({
      FORGE_GATEWAY_URL: 'http://gateway.internal/graphql',
      FORGE_PUBLIC_URL: 'https://api.example/graphql',
    });
    expect(gateway.publicUrl).toBe('http://gateway.internal/graphql');
  });

  it('writes an IPv6 address into the URL as URLs have it', () => {
    const { publicUrl } = loadConfig({ FORGE_HOST: '::1' }).gateway;
    expect(publicUrl).toBe('http://[::1]:4000/graphql');
    expect(new URL(publicUrl).port).toBe('4000');
  });
});

describe('in production', () => {
  it('what a deployment sets is enough', () => {
    expect(problems(production)).toEqual([]);
  });

  it('everything that is for development only is refused, all at once', () => {
    expect(problems({ NODE_ENV: 'production' })).toEqual([
      '  DATABASE_URL is needed when NODE_ENV=production.',
      '  FORGE_ISSUER is needed when NODE_ENV=production.',
      '  FORGE_ROOT_SECRET is needed when NODE_ENV=production.',
    ]);
  });

  it.each(['DATABASE_URL', 'FORGE_ISSUER', 'FORGE_ROOT_SECRET'])(
    'nothing starts without %s, nor with an empty one',
    (name) => {
      expect(problems({ ...production, [name]: '' })).toContainEqual(
        `  ${name} is needed when NODE_ENV=production.`,
      );
    },
  );
});

it('a wrong configuration has a name by which a process ends with 78', () => {
  expect(new ConfigError(['A is wrong.', 'B is wrong.'])).toMatchObject({
    name: 'ConfigError',
    message: 'The configuration cannot be used:\n  A is wrong.\n  B is wrong.',
  });
});
