import { registerEnumType } from 'type-graphql';
import { accountKinds, ledgerAccountCodes } from '../../domain/ledger/chart.ts';

const words = (values: readonly string[]) =>
  Object.fromEntries(values.map((value) => [value.toUpperCase(), value]));

export const LedgerAccountCodeEnum = words(ledgerAccountCodes);
registerEnumType(LedgerAccountCodeEnum, {
  name: 'LedgerAccountCode',
  description: 'The chart of accounts, the same for every tenant.',
});

export const LedgerAccountKindEnum = words(accountKinds);
registerEnumType(LedgerAccountKindEnum, { name: 'LedgerAccountKind' });

export const LedgerSideEnum = words(['DEBIT', 'CREDIT']);
registerEnumType(LedgerSideEnum, {
  name: 'LedgerSide',
  description: 'The side on which an account grows. Debits are negative, credits positive.',
});
