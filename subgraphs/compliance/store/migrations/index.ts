import type { MigrationClass } from '../../../shared/db.ts';
import { CreateAuditLog } from './create-audit-log.ts';

/** Every change to compliance's tables, oldest first. A change that is out is never edited. */
export const migrations: readonly MigrationClass[] = [CreateAuditLog];
