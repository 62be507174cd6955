import type { Config } from '../subgraphs/shared/config.ts';
import type { GatewayOptions } from './gateway.ts';
import { settingsFile } from './settings-file.ts';
import { subgraphRulesSchema } from './subgraph-client/rules.ts';

/** What of a gateway is set by the configuration. Throws a ConfigError for a file that is wrong. */
export async function gatewaySettings({
  gateway: { subgraphRules },
}: Pick<Config, 'gateway'>): Promise<Pick<GatewayOptions, 'subgraphRules'>> {
  const rules = await settingsFile('FORGE_SUBGRAPH_RULES', subgraphRules, subgraphRulesSchema);
  return rules ? { subgraphRules: rules } : {};
}
