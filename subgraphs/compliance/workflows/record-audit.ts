import { consumer } from '../../shared/outbox.ts';
import { auditRecorded } from '../../shared/topics.ts';
import type { AuditRecorded } from '../../shared/topics.ts';
import { keptName } from '../domain/audit-entry.ts';
import { appendEntry } from '../store/audit-log.ts';
import type { ComplianceDeps } from './deps.ts';

/**
 * Writes what other subgraphs recorded into the tenant's log.
 *
 * The sender wrote the entry in the transaction of the change itself, so an
 * entry arrives for every change that happened and for none that did not. A
 * crash or a second delivery leaves it in the log once.
 */
export const onAuditRecorded = consumer<AuditRecorded, ComplianceDeps>(
  auditRecorded,
  async ({ tx, payload, tenant, deps }) => {
    const { entryId, at, actor, action, target, outcome, facts } = payload;
    await appendEntry(
      tx,
      {
        tenant,
        id: keptName(entryId),
        at: new Date(at),
        actor: { type: actor.type, id: keptName(actor.id) },
        action: keptName(action),
        target: { type: keptName(target.type), id: keptName(target.id) },
        outcome,
        facts: facts ?? {},
      },
      deps.clock.now(),
    );
  },
);
