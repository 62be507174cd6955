/** One line of business that AI employees work in. */
export interface Vertical {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly roles: readonly EmployeeRole[];
}

/** A job that an AI employee holds; its id is the actor's id in tokens and audit entries. */
export interface EmployeeRole {
  readonly id: string;
  readonly name: string;
  readonly description: string;
}

/** The six verticals, in the order in which partners read them. */
export const verticals: readonly Vertical[] = [
  {
    id: 'cx',
    name: 'Customer experience',
    description:
      'Tickets, refunds and service levels: from the first touch to a resolution the customer confirms.',
    roles: [
      role(
        'support-agent',
        'Support agent',
        'Triages tickets and drafts answers with their sources.',
      ),
      role('service-level-guard', 'Service level guard', 'Watches response times and escalates.'),
      role(
        'success-agent',
        'Success agent',
        'Notices accounts in trouble and drafts the outreach.',
      ),
    ],
  },
  {
    id: 'revops',
    name: 'Revenue operations',
    description:
      'Forecast accuracy, quota history and a clean pipeline, with figures that reconcile to the CRM.',
    roles: [
      role('forecast-analyst', 'Forecast analyst', 'Measures forecasts against what was closed.'),
      role('pipeline-steward', 'Pipeline steward', 'Finds stale deals and proposes corrections.'),
    ],
  },
  {
    id: 'finance',
    name: 'Finance',
    description: 'Invoices, expenses, dunning, reconciliation and the close, to the cent.',
    roles: [
      role('payables-clerk', 'Payables clerk', 'Reads invoices and matches them to orders.'),
      role('receivables-clerk', 'Receivables clerk', 'Reminds customers of overdue invoices.'),
      role('reconciler', 'Reconciler', 'Matches ledger, payment provider and bank.'),
    ],
  },
  {
    id: 'legal',
    name: 'Legal',
    description: 'First passes over contracts, obligations and requests; a lawyer decides.',
    roles: [
      role('contract-reviewer', 'Contract reviewer', 'Compares clauses with the agreed positions.'),
      role('obligations-clerk', 'Obligations clerk', 'Keeps dates and notices from being missed.'),
    ],
  },
  {
    id: 'it-ops',
    name: 'IT operations',
    description: 'Alerts, runbooks, access and patches: reading is free, writing is approved.',
    roles: [
      role('incident-responder', 'Incident responder', 'Triages alerts and prepares a briefing.'),
      role('runbook-operator', 'Runbook operator', 'Runs approved steps and verifies them.'),
      role('access-clerk', 'Access clerk', 'Prepares access grants that end by themselves.'),
    ],
  },
  {
    id: 'software-engineering',
    name: 'Software engineering',
    description:
      'Checks, reviews, upgrades and changes, run in the sandbox and approved by people.',
    roles: [
      role('check-runner', 'Check runner', 'Runs checks in the sandbox and reports the outcome.'),
      role('software-engineer', 'Software engineer', 'Prepares changes as drafts for review.'),
    ],
  },
];

export function findVertical(id: string): Vertical | undefined {
  return verticals.find((vertical) => vertical.id === id);
}

function role(id: string, name: string, description: string): EmployeeRole {
  return { id, name, description };
}
