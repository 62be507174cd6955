import { defineConfig } from '@graphql-hive/gateway';

/**
 * Hive Gateway with its sharing of identical requests off, the clients' and its
 * own to subgraphs: otherwise a load of one query measures that alone.
 */
export const gatewayConfig = defineConfig({
  inboundInflightRequestDeduplication: false,
  transportEntries: { '*.http': { options: { deduplicateInflightRequests: false } } },
});
