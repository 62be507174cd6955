import { isIP } from 'node:net';
import { z } from 'zod';
import { specLimits } from '../../../domain/job-spec.ts';
import { defaultLimits } from '../../runner.ts';

/**
 * What differs from cluster to cluster. Everything else about an attempt is
 * fixed by `attempt.ts` and held by `rules.ts`.
 *
 * Whatever is left out is what isolates most. Only images have no default: a
 * template without one does not run on the cluster.
 */
export type SandboxClusterSettings = z.output<typeof sandboxClusterSettings>;

/** Those settings as an operator writes them. */
export type SandboxClusterSettingsDraft = z.input<typeof sandboxClusterSettings>;

/** Room on the node's disk for what a program prints. */
export const outputMib = Math.ceil(defaultLimits.outputBytesMax / 1_024 ** 2);

const positive = z.int().positive();

/** Label names and values, and names of objects: RFC 1123, as Kubernetes asks for. */
const objectName = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be a name of small letters, digits and dashes');
const labelValue = z
  .string()
  .max(63)
  .regex(/^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/, 'must be the value of a label');
const labels = z.record(z.string().min(1), labelValue);

/** An image that cannot be another one tomorrow. */
export const pinnedImagePattern =
  /^[a-z0-9.-]+(:[0-9]+)?(\/[a-z0-9._-]+)+(:[\w.-]+)?@sha256:[0-9a-f]{64}$/;
const image = z.string().regex(pinnedImagePattern, 'must be pinned: registry/name@sha256:…');

/** Clouds tell a node's credentials at these: nothing of ours ever lies there. */
const linkLocalPattern = /^(169[.]254[.]|fe[89ab][0-9a-f]:|fd00:ec2:|::ffff:169[.]254[.])/i;

/** An address, not a name: programs have no DNS. */
const address = z
  .string()
  .refine((text) => isIP(text) !== 0, 'must be an IP address')
  .refine((text) => !linkLocalPattern.test(text), 'must not be a link-local or metadata address');

/** A place outside of a tenant's namespace that its pods may reach. */
const place = z.strictObject({
  /** Where pods send to: the address of its Service, or its own. */
  address,
  port: positive.max(65_535),
  /** Its name; pods find it in their hosts file. */
  host: z.string().regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'must be the name of a host'),
  /** The pods behind the Service. Left out, it lies outside of the cluster. */
  pods: z.strictObject({ namespace: objectName, labels }).nullable().default(null),
});
export type Place = z.output<typeof place>;

const template = z.strictObject({
  image,
  /** The path of the interpreter in that image. */
  interpreter: z.string().startsWith('/'),
});

const toleration = z.strictObject({
  key: z.string().min(1),
  value: labelValue,
  effect: z.enum(['NoSchedule', 'NoExecute']),
});

/** What separates programs from the kernel of their node. There is no weaker tier. */
export const isolationTiers = ['GVISOR', 'KATA', 'USERNS'] as const;

const isolation = z
  .strictObject({
    tier: z.enum(isolationTiers).default('GVISOR'),
    /** The RuntimeClass of the tier. `USERNS` may do without. */
    runtimeClass: objectName.nullable().default('gvisor'),
    /** Root inside is nobody outside. Always so in the tier `USERNS`; others only where probed. */
    userNamespaces: z.boolean().default(false),
    /** A kubelet without AppArmor turns such pods away. */
    appArmor: z.boolean().default(true),
  })
  .refine(({ tier, runtimeClass }) => tier === 'USERNS' || runtimeClass !== null, {
    path: ['runtimeClass'],
    message: 'must name the RuntimeClass of this tier',
  });

/** Uploads what a program leaves, from inside of its pod. */
const collector = z.strictObject({
  image,
  command: z.array(z.string().min(1)).min(1),
  cpuMillicores: positive.default(100),
  memoryMib: positive.default(64),
  ephemeralMib: positive.default(16),
});
export type CollectorSettings = z.output<typeof collector>;

const disk = z.strictObject({
  workMib: positive.default(512),
  /** Builds need room: with less, an eviction looks like a program that was killed. */
  tmpMib: positive.default(1_024),
  artifactsMib: positive.default(128),
});

/**
 * Limits in which all of a tenant's attempts fit together. Forge's own quotas
 * say whose turn it is; these hold if it errs. `roomFor` says how much a quota
 * needs, and the defaults are enough for the default one.
 */
const tenantQuota = z.strictObject({
  jobs: positive.default(50),
  cpuMillicores: positive.default(32_000),
  memoryMib: positive.default(40_960),
  ephemeralMib: positive.default(65_536),
});

/** Limits of one pod: the most a spec may ask for, and a collector beside it. */
const podMax = z.strictObject({
  cpuMillicores: positive.default(4_500),
  memoryMib: positive.default(4_608),
  ephemeralMib: positive.default(8_192),
});

export const sandboxClusterSettings = z
  .strictObject({
    templates: z
      .strictObject({ node: template, python: template, shell: template })
      .partial()
      .default({}),
    /** Images come from these alone. */
    registries: z.array(z.string().regex(/^[a-z0-9.-]+(:[0-9]+)?(\/[a-z0-9._-]+)*$/)).default([]),
    isolation: isolation.prefault({}),
    /**
     * A program in the templates' images that runs another one within limits
     * (`--processes=`, `--open-files=`, `--timeout-ms=`, `--grace-ms=`,
     * `--output-bytes=`, `--`, command) and writes its result to the termination
     * log. Null: Forge's own timer and the limits of the node do it alone.
     */
    wrapper: z.string().startsWith('/').nullable().default(null),
    /** Where artifacts are uploaded to, and what does it. Both or neither. */
    gate: place.nullable().default(null),
    collector: collector.nullable().default(null),
    /** The only way out there is, for attempts that are granted one. */
    egressProxy: place.nullable().default(null),
    /** Nodes on which nothing else runs. */
    pool: z
      .strictObject({
        nodeSelector: labels.default({ 'forge.dev/pool': 'sandbox' }),
        tolerations: z
          .array(toleration)
          .min(1)
          .default([{ key: 'forge.dev/pool', value: 'sandbox', effect: 'NoSchedule' }]),
      })
      .prefault({}),
    priorityClass: objectName.default('forge-sandbox'),
    /** A Kueue LocalQueue. Named, Jobs are created suspended and Kueue starts them. */
    queueName: objectName.nullable().default(null),
    /** What the namespaces are held to. Never newer than the oldest API server. */
    podSecurityVersion: z
      .string()
      .regex(/^v1[.][0-9]+$/)
      .default('v1.33'),
    /** Where the data of this cluster's tenants lies. */
    region: labelValue.nullable().default(null),
    controllerNamespace: objectName.default('forge-system'),
    /**
     * Whose name tenants' namespaces are made in: a kubeconfig, a context in it, or
     * both. What is left out is as for programs. See FORGE_SANDBOX_DUTIES.
     */
    tenancy: z
      .strictObject({
        kubeconfig: z.string().startsWith('/').nullable().default(null),
        context: z.string().min(1).nullable().default(null),
      })
      .prefault({}),
    startTimeoutSeconds: positive.default(360),
    /** From the program's end to the end of the upload. */
    graceSeconds: positive.default(30),
    ttlSecondsAfterFinished: positive.default(3_600),
    disk: disk.prefault({}),
    tenantQuota: tenantQuota.prefault({}),
    podMax: podMax.prefault({}),
  })
  .refine(({ gate, collector: found }) => (gate === null) === (found === null), {
    path: ['collector'],
    message: 'is needed with a gate, and a gate with it',
  })
  .superRefine(({ podMax: most, disk: folders, collector: found }, context) => {
    const needs = {
      cpuMillicores: specLimits.cpuMillicores.max + (found?.cpuMillicores ?? 0),
      memoryMib: specLimits.memoryMib.max + (found?.memoryMib ?? 0),
      ephemeralMib:
        folders.workMib +
        folders.tmpMib +
        folders.artifactsMib +
        outputMib +
        (found?.ephemeralMib ?? 0),
    };
    for (const [name, needed] of Object.entries(needs) as [keyof typeof needs, number][]) {
      if (most[name] >= needed) continue;
      const message = `must be ${needed} at least: a spec may ask for it, and would never run`;
      context.addIssue({ code: 'custom', path: ['podMax', name], message });
    }
  })
  .superRefine(({ registries, templates, collector: found }, context) => {
    const { node, python, shell } = templates;
    for (const name of [node, python, shell, found].flatMap((use) => use?.image ?? [])) {
      if (!registries.some((registry) => name.startsWith(`${registry}/`))) {
        const message = `${name} is of none of the registries`;
        context.addIssue({ code: 'custom', path: ['registries'], message });
      }
    }
  });
