import type { Config } from '../shared/config.ts';
import type { Kernel, Subgraph } from '../shared/host.ts';
import { AuditChainResolver } from './graph/audit-chain.ts';
import { AuditEntryResolver, auditEntryReference } from './graph/audit-entry.ts';
import { Job, JobAuditTrailResolver, jobReference } from './graph/job.ts';
import { Tenant, TenantAuditResolver, tenantReference } from './graph/tenant.ts';
import { AuditChainRow, AuditEntryRow } from './store/audit-log.ts';
import { migrations } from './store/migrations/index.ts';
import type { ComplianceDeps } from './workflows/deps.ts';
import { onAuditRecorded } from './workflows/record-audit.ts';

/** Compliance: who did what, kept so that nobody can change it unseen. */
export function compliance(
  _config: Config,
  kernel: Pick<Kernel, 'clock'>,
): Subgraph<ComplianceDeps> {
  return {
    name: 'compliance',
    resolvers: [AuditEntryResolver, AuditChainResolver, JobAuditTrailResolver, TenantAuditResolver],
    orphanedTypes: [Job, Tenant],
    references: {
      Job: jobReference,
      Tenant: tenantReference,
      AuditEntry: auditEntryReference,
    },
    entities: [AuditChainRow, AuditEntryRow],
    migrations,
    workflows: [],
    consumers: [onAuditRecorded],
    deps: { clock: kernel.clock },
  };
}
