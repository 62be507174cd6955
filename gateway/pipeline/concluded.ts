import type { ExecutionResult, FormattedExecutionResult, GraphQLFormattedError } from 'graphql';
import { maskErrors } from '../errors.ts';
import { logOperation } from '../operation-log.ts';
import type { AnsweredOperation } from '../operation-log.ts';
import type { Scope } from '../scope.ts';
import { secondsSince } from '../telemetry.ts';
import type { GatewayMetrics } from '../telemetry.ts';

/** An operation that ran, or was refused. */
export type Concluded = Omit<AnsweredOperation, 'errors'>;

/**
 * What happens to every answer on its way out: it is counted, its errors are
 * made fit for the client, and it is logged. Gives those errors.
 */
export function concluded(
  operation: Concluded,
  errors: readonly unknown[] | undefined,
  scope: Scope,
  metrics: GatewayMetrics,
): readonly GraphQLFormattedError[] | undefined {
  const outcome = errors ? 'errors' : 'ok';
  metrics.operation(operation.kind, outcome, secondsSince(scope.account.startedMs));
  const masked = errors && maskErrors(errors, scope);
  logOperation({ ...operation, errors: masked }, scope);
  return masked;
}

/** A result whose errors are fit for the client. */
export function withErrors(
  result: ExecutionResult,
  errors: readonly GraphQLFormattedError[] | undefined,
): FormattedExecutionResult {
  return errors ? { ...result, errors } : (result as FormattedExecutionResult);
}
