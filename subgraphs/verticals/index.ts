import { signActorToken } from '../shared/auth.ts';
import type { Config } from '../shared/config.ts';
import type { Kernel, Subgraph } from '../shared/host.ts';
import { httpClient } from '../shared/http-client.ts';
import { standardCatalogue } from './domain/catalogue.ts';
import { ApprovalResolver } from './graph/approval.ts';
import { ApprovalsChangedResolver } from './graph/approvals-changed.ts';
import { CancelRunResolver } from './graph/cancel-run.ts';
import { DecideApprovalResolver } from './graph/decide-approval.ts';
import { PlaybookResolver } from './graph/playbook.ts';
import { references } from './graph/references.ts';
import { runEventTypes, RunProgressResolver } from './graph/run-events.ts';
import { ApprovalRunResolver, JobRunResolver } from './graph/run-links.ts';
import { PlaybookRunResolver } from './graph/run.ts';
import { StartRunResolver } from './graph/start-run.ts';
import { Tenant } from './graph/tenant.ts';
import { PlaybookVerticalResolver, VerticalResolver } from './graph/vertical.ts';
import { forgeGraph } from './providers/forge-graph.ts';
import { sendTo } from './providers/send.ts';
import { migrations } from './store/migrations/index.ts';
import { entities } from './store/rows.ts';
import type { VerticalsDeps } from './workflows/deps.ts';
import { standardPace } from './workflows/deps.ts';
import { jobFinished } from './workflows/job-finished.ts';
import { runPlaybook } from './workflows/run-playbook.ts';

/** Longer than the gateway's own deadline, so that its answer about that one still arrives. */
const gatewayTimeoutMs = 40_000;

/** Longer than any single call, far shorter than a run. */
const employeeTokenSeconds = 120;

/** Verticals: playbooks that AI employees follow, their runs, and people's approvals. */
export function verticals(
  config: Config,
  kernel: Pick<Kernel, 'clock' | 'keys'>,
): Subgraph<VerticalsDeps> {
  const http = httpClient({
    provider: 'the gateway',
    timeoutMs: gatewayTimeoutMs,
    deadlineMs: gatewayTimeoutMs,
    attemptsMax: 1,
  });
  const graph = forgeGraph({
    send: sendTo(http, () => config.gateway.publicUrl),
    tokenFor: ({ tenant, id, scopes }) =>
      signActorToken(kernel.keys, {
        tenant,
        actor: { type: 'ai-employee', id },
        scopes,
        ttlSeconds: employeeTokenSeconds,
      }),
  });
  return {
    name: 'verticals',
    resolvers: [
      VerticalResolver,
      PlaybookVerticalResolver,
      PlaybookResolver,
      PlaybookRunResolver,
      ApprovalResolver,
      ApprovalRunResolver,
      JobRunResolver,
      StartRunResolver,
      CancelRunResolver,
      DecideApprovalResolver,
      RunProgressResolver,
      ApprovalsChangedResolver,
    ],
    orphanedTypes: [...runEventTypes, Tenant],
    references,
    entities,
    migrations,
    workflows: [runPlaybook],
    consumers: [jobFinished],
    deps: { catalogue: standardCatalogue, graph, clock: kernel.clock, pace: standardPace },
    close: () => http.close(),
  };
}
