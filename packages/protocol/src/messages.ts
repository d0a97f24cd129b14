import * as z from 'zod'
import { ackSchema } from './messages/ack.ts'
import { cancelSchema } from './messages/cancel.ts'
import { capabilitiesSchema } from './messages/capabilities.ts'
import { capabilityCancelSchema } from './messages/capability-cancel.ts'
import { capabilityRequestSchema } from './messages/capability-request.ts'
import { capabilityResponseSchema } from './messages/capability-response.ts'
import { checkpointSchema } from './messages/checkpoint.ts'
import { displaySchema } from './messages/display.ts'
import { errorSchema } from './messages/error.ts'
import { executeSchema } from './messages/execute.ts'
import { heartbeatSchema } from './messages/heartbeat.ts'
import { helloSchema } from './messages/hello.ts'
import { inputRequestSchema } from './messages/input-request.ts'
import { inputResponseSchema } from './messages/input-response.ts'
import { inspectResultSchema } from './messages/inspect-result.ts'
import { inspectSchema } from './messages/inspect.ts'
import { interruptSchema } from './messages/interrupt.ts'
import { outputSchema } from './messages/output.ts'
import { progressSchema } from './messages/progress.ts'
import { readySchema } from './messages/ready.ts'
import { resetSchema } from './messages/reset.ts'
import { resetResultSchema } from './messages/reset-result.ts'
import { restoreSchema } from './messages/restore.ts'
import { resultSchema } from './messages/result.ts'
import { shutdownSchema } from './messages/shutdown.ts'
import { streamCloseSchema } from './messages/stream-close.ts'
import { streamCreditSchema } from './messages/stream-credit.ts'
import { streamDataSchema } from './messages/stream-data.ts'
import { streamOpenSchema } from './messages/stream-open.ts'

/** All that a host sends. */
export const hostMessageSchema = z.discriminatedUnion('type', [
  helloSchema,
  executeSchema,
  inputResponseSchema,
  capabilitiesSchema,
  capabilityResponseSchema,
  cancelSchema,
  interruptSchema,
  inspectSchema,
  checkpointSchema,
  restoreSchema,
  resetSchema,
  streamOpenSchema,
  streamDataSchema,
  streamCreditSchema,
  streamCloseSchema,
  shutdownSchema,
])
export type HostMessage = z.infer<typeof hostMessageSchema>

/** All that a worker sends. */
export const workerMessageSchema = z.discriminatedUnion('type', [
  readySchema,
  ackSchema,
  heartbeatSchema,
  outputSchema,
  displaySchema,
  progressSchema,
  inputRequestSchema,
  capabilityRequestSchema,
  capabilityCancelSchema,
  resultSchema,
  errorSchema,
  inspectResultSchema,
  resetResultSchema,
  streamOpenSchema,
  streamDataSchema,
  streamCreditSchema,
  streamCloseSchema,
])
export type WorkerMessage = z.infer<typeof workerMessageSchema>
