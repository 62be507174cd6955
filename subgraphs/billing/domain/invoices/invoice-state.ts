/**
 * DRAFT: still changes. OPEN: final, and to be paid. The others are ends, except
 * that what was given up may still be paid.
 */
export const invoiceStates = ['DRAFT', 'OPEN', 'PAID', 'VOID', 'UNCOLLECTIBLE'] as const;
export type InvoiceState = (typeof invoiceStates)[number];

const moves: Readonly<Record<InvoiceState, readonly InvoiceState[]>> = {
  DRAFT: ['OPEN', 'PAID', 'VOID'],
  OPEN: ['PAID', 'VOID', 'UNCOLLECTIBLE'],
  UNCOLLECTIBLE: ['PAID', 'VOID'],
  PAID: [],
  VOID: [],
};

/** Whether an invoice may go from one state to another. */
export function canMoveInvoice(from: InvoiceState, to: InvoiceState): boolean {
  return moves[from].includes(to);
}
