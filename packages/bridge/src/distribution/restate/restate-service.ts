import * as restate from '@restatedev/restate-sdk'
import { handlerName } from './restate-names.ts'
import { type RestateExecutionOptions, runRestateExecution } from './run-restate-execution.ts'

export interface RestateServiceOptions extends RestateExecutionOptions {
  readonly name: string
  readonly retentionMs: number
  readonly retryPolicy: NonNullable<restate.ServiceOptions['retryPolicy']>
}

/** The service of a group or of a host: one invocation is one execution. */
export function createRestateService(options: RestateServiceOptions): restate.ServiceDefinition<string, unknown> {
  const { name, retentionMs, lostAfterMs, retryPolicy } = options
  const run = (context: restate.Context, given: unknown): Promise<string> =>
    runRestateExecution(context, given, options)
  return restate.service({
    name,
    handlers: { [handlerName]: run },
    options: {
      retryPolicy,
      idempotencyRetention: retentionMs,
      journalRetention: 0,
      // no sign for as long: the server asks the host to stop, and then asks another one
      inactivityTimeout: lostAfterMs,
      abortTimeout: Math.ceil(lostAfterMs / 10),
    },
  })
}
