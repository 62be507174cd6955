import { scopesOf } from '../subgraphs/shared/access.ts';
import type { Config } from '../subgraphs/shared/config.ts';
import type { Log } from '../subgraphs/shared/log.ts';
import type { GatewayOptions } from './gateway.ts';
import { limitsSchema } from './limits/limits-file.ts';
import { settingsFile } from './settings-file.ts';
import { subgraphRulesSchema } from './subgraph-client/rules.ts';
import type { TextSource } from './watched-file.ts';
import { watchedFile } from './watched-file.ts';

type Settings = Pick<
  GatewayOptions,
  'subgraphRules' | 'limits' | 'persisted' | 'warmUpMs' | 'caching' | 'hardening' | 'tellCost'
>;

/** What of a gateway is set by the configuration. Throws a ConfigError for a file that is wrong. */
export async function gatewaySettings(
  { gateway }: Pick<Config, 'gateway'>,
  log: Log,
): Promise<Settings> {
  const { persisted, overrideLabels, warmUpMs, tellCost, ...config } = gateway;
  const rules = await settingsFile(
    ...(['FORGE_SUBGRAPH_RULES', config.subgraphRules, subgraphRulesSchema] as const),
  );
  const limits = await settingsFile('FORGE_GATEWAY_LIMITS', config.limits, limitsSchema);
  const manifest = persisted.file === undefined ? undefined : manifestFile(persisted.file, log);
  return {
    ...(rules ? { subgraphRules: rules } : {}),
    ...(limits ? { limits } : {}),
    persisted: { mode: persisted.mode, manifest },
    caching: {
      responseBytesMax: config.responseCacheBytes,
      sharesInFlight: config.sharesInFlight,
    },
    hardening: { overrideLabels, authority: { scopesOf } },
    ...{ warmUpMs, tellCost },
  };
}

function manifestFile(path: string, log: Log): TextSource {
  return watchedFile(path, (err) => {
    log.warn({ err, path }, 'the list of operations cannot be read, the last one stays in use');
  });
}
