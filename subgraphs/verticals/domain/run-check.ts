import type { Playbook } from './playbook.ts';

/**
 * Runs a check in the sandbox and publishes its report once a person agrees.
 *
 * The report is drafted from what the job did, so that the approver decides on a
 * fact. Stopping at any point leaves no running job and no published report.
 */
export const runCheckV1: Playbook = {
  key: 'software-engineering.run-check',
  version: 1,
  verticalId: 'software-engineering',
  name: 'Run a check',
  description:
    'Runs a program in the sandbox as a check, asks a person to approve its report, and publishes it.',
  employee: 'check-runner',
  scopes: ['sandbox:read', 'sandbox:write'],
  input: {
    type: 'object',
    properties: {
      template: {
        type: 'string',
        description: 'The sandbox template that runs the check: node, python or shell.',
        maxLength: 64,
        pattern: '^[a-z][a-z0-9.-]*$',
      },
      source: {
        type: 'string',
        description: 'The program. Exit code 0 means that the check passed.',
        minLength: 1,
        maxLength: 100_000,
      },
      args: {
        type: 'array',
        description: 'The arguments of the program.',
        items: { type: 'string', maxLength: 4_096 },
        maxItems: 64,
      },
      timeoutSeconds: {
        type: 'integer',
        description: 'How long the check may run.',
        minimum: 1,
        maximum: 3_600,
      },
      title: {
        type: 'string',
        description: 'What the check is about; the title of its report.',
        minLength: 1,
        maxLength: 200,
      },
    },
    required: ['template', 'source'],
    additionalProperties: false,
  },
  steps: [
    {
      kind: 'tool',
      name: 'submit-check',
      title: 'Submit the check to the sandbox',
      tool: 'sandbox.submit-job',
      risk: 'LOW',
      attemptsMax: 20,
      compensation: 'sandbox.cancel-job',
    },
    {
      kind: 'job-wait',
      name: 'await-check',
      title: 'Wait for the check to end',
      submittedBy: 'submit-check',
      risk: 'READ',
      waitSecondsMax: 86_400,
    },
    {
      kind: 'tool',
      name: 'draft-report',
      title: 'Draft the report',
      tool: 'report.draft',
      risk: 'LOW',
      attemptsMax: 1,
      compensation: 'report.withdraw',
    },
    {
      kind: 'approval',
      name: 'approve-report',
      title: 'Publish the report of this check?',
      risk: 'MEDIUM',
      deadlineSeconds: 3 * 86_400,
      excludeRequester: true,
    },
    {
      kind: 'tool',
      name: 'publish-report',
      title: 'Publish the report',
      tool: 'report.publish',
      risk: 'MEDIUM',
      attemptsMax: 1,
    },
  ],
};
