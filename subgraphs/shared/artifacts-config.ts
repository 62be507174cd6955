import { resolve } from 'node:path';
import { z } from 'zod';
import { onOff, portOrNone, text, url } from './setting-kinds.ts';

/** Where the files that jobs leave are kept. */
export const artifactSettings = {
  FORGE_ARTIFACTS_URL: {
    about: 'Where clients fetch the files of jobs: `/artifacts/` of the sandbox.',
    schema: url,
  },
  FORGE_ARTIFACTS_S3_BUCKET: {
    about: 'A bucket that keeps the files of jobs, instead of the data folder.',
    schema: z
      .string()
      .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be the name of a bucket')
      .optional(),
  },
  FORGE_ARTIFACTS_S3_ENDPOINT: { about: 'The S3 of that bucket.', schema: url },
  FORGE_ARTIFACTS_S3_REGION: {
    about: 'The region that requests are signed for.',
    schema: text.default('us-east-1'),
  },
  FORGE_ARTIFACTS_S3_ACCESS_KEY_ID: { about: 'Whose requests they are.', schema: text },
  FORGE_ARTIFACTS_S3_SECRET_ACCESS_KEY: { about: 'The secret of that key.', schema: text },
  FORGE_ARTIFACTS_S3_PATH_STYLE: {
    about: 'Whether the bucket stands in the path and not in the host’s name: on or off.',
    schema: onOff,
  },
  FORGE_ARTIFACTS_GATE_PORT: {
    about: 'Where collectors of a cluster’s pods leave files; without it nobody listens.',
    schema: portOrNone,
  },
  FORGE_ARTIFACTS_GATE_HOST: {
    about: 'The address that is listened on for them.',
    schema: text.default('127.0.0.1'),
  },
} as const;

type Values = {
  readonly [Name in keyof typeof artifactSettings]: z.output<
    (typeof artifactSettings)[Name]['schema']
  >;
};

/** A bucket of S3, or of what speaks its language. */
export interface S3Location {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** The bucket in the path, as MinIO and Ceph have it; else in the host's name. */
  readonly pathStyle: boolean;
}

export interface ArtifactsConfig {
  /** What comes before a link's own part, with its closing slash. */
  readonly url: string;
  /** Shared by all processes. */
  readonly folder: string;
  /** Undefined: the folder. */
  readonly s3: S3Location | undefined;
  /** Where workers listen for collectors. Undefined: they do not. */
  readonly gate: { readonly host: string; readonly port: number } | undefined;
}

export function artifactContradictions(values: Values): string[] {
  const together = [
    values.FORGE_ARTIFACTS_S3_BUCKET,
    values.FORGE_ARTIFACTS_S3_ACCESS_KEY_ID,
    values.FORGE_ARTIFACTS_S3_SECRET_ACCESS_KEY,
  ];
  const given = together.filter((value) => value !== undefined);
  if (given.length === 0 || given.length === together.length) return [];
  const names = '_BUCKET, _ACCESS_KEY_ID and _SECRET_ACCESS_KEY';
  return [`FORGE_ARTIFACTS_S3${names} are set together or not at all.`];
}

export function artifactsOf(values: Values, dataDir: string, publicUrl: string): ArtifactsConfig {
  const {
    FORGE_ARTIFACTS_S3_BUCKET: bucket,
    FORGE_ARTIFACTS_S3_REGION: region,
    FORGE_ARTIFACTS_S3_ACCESS_KEY_ID: accessKeyId,
    FORGE_ARTIFACTS_S3_SECRET_ACCESS_KEY: secretAccessKey,
    FORGE_ARTIFACTS_S3_PATH_STYLE: pathStyle,
  } = values;
  const { FORGE_ARTIFACTS_GATE_HOST: host, FORGE_ARTIFACTS_GATE_PORT: port } = values;
  const gate = port === undefined ? undefined : { host, port };
  const given = values.FORGE_ARTIFACTS_URL ?? new URL('/artifacts/', publicUrl).href;
  const places = { url: given.replace(/\/?$/, '/'), folder: resolve(dataDir, 'artifacts'), gate };
  if (bucket === undefined || accessKeyId === undefined || secretAccessKey === undefined) {
    return { ...places, s3: undefined };
  }
  const endpoint = values.FORGE_ARTIFACTS_S3_ENDPOINT ?? `https://s3.${region}.amazonaws.com`;
  const s3 = { endpoint, bucket, region, accessKeyId, secretAccessKey, pathStyle };
  return { ...places, s3 };
}
