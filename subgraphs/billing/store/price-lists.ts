import { Column, Entity, PrimaryColumn } from 'typeorm';
import { minorUnits } from '../../shared/db.ts';
import type { Tx } from '../../shared/db.ts';
import type { PriceList } from '../domain/price-list.ts';

@Entity({ name: 'price_list' })
export class PriceListRow implements PriceList {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @PrimaryColumn({ type: 'integer' }) version!: number;
  @Column({ type: 'text' }) currency!: string;
  @Column({ type: 'timestamptz', name: 'effective_from' }) effectiveFrom!: Date;
  @Column({ type: 'bigint', name: 'vcpu_second_micro_minor', transformer: minorUnits })
  vcpuSecondMicroMinor!: number;
  @Column({ type: 'bigint', name: 'gib_second_micro_minor', transformer: minorUnits })
  gibSecondMicroMinor!: number;
  @Column({ type: 'bigint', name: 'minimum_minor', transformer: minorUnits }) minimumMinor!: number;
}

/** The tenant that stands for all of them. */
const everyone = '*';

/** Every list that was ever published for everyone, so that old usage keeps its old price. */
export async function readPriceLists(tx: Tx): Promise<readonly PriceList[]> {
  return tx.find(PriceListRow, { where: { tenantId: everyone }, order: { version: 'ASC' } });
}
