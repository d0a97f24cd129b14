import type { CancelMessage } from './messages/cancel.ts'
import type { CapabilitiesMessage } from './messages/capabilities.ts'
import type { CapabilityResponseMessage } from './messages/capability-response.ts'
import type { CheckpointMessage } from './messages/checkpoint.ts'
import type { ExecuteMessage } from './messages/execute.ts'
import type { HelloMessage } from './messages/hello.ts'
import type { InputResponseMessage } from './messages/input-response.ts'
import type { InspectMessage, InspectQuery } from './messages/inspect.ts'
import type { InterruptMessage } from './messages/interrupt.ts'
import type { ResetMessage } from './messages/reset.ts'
import type { RestoreMessage } from './messages/restore.ts'
import type { ShutdownMessage } from './messages/shutdown.ts'
import type { StreamCloseMessage } from './messages/stream-close.ts'
import type { StreamCreditMessage } from './messages/stream-credit.ts'
import type { StreamDataMessage } from './messages/stream-data.ts'
import type { StreamOpenMessage } from './messages/stream-open.ts'
import type { HostMessage } from './messages.ts'
import { capabilityLimits, capabilityNamePattern } from './capability-limits.ts'
import type { CapabilityManifest } from './capability-manifest.ts'
import type { FrameLimits, ProtocolVersion } from './negotiation.ts'
import type { WorkerSettings } from './settings.ts'
import {
  bytes,
  count,
  durationMs,
  flag,
  id,
  listOf,
  matching,
  oneOf,
  optional,
  type Read,
  record,
  text,
  textOf,
  variant,
  yes,
} from './shape.ts'
import { streamLimits } from './stream-limits.ts'
import { type UnknownMessage, unknownMessage } from './unknown-message.ts'
import type { WireError } from './wire-error.ts'

// taken at load: in a worker, cells share `globalThis` with it
const { hasOwn } = Object

const settings = record<Partial<WorkerSettings>>({
  backPressure: optional(oneOf('block', 'drop-new', 'drop-oldest', 'error')),
  outputBufferBytes: optional(count),
  outputChunkBytes: optional(count),
  drainTimeoutMs: optional(durationMs),
  suppressDrainErrors: optional(flag),
  heartbeatMs: optional(durationMs),
  valueBytes: optional(count),
  valueDepth: optional(count),
  textLength: optional(count),
  route: optional(oneOf('auto', 'threaded', 'async')),
  modules: optional(flag),
})

// by way of a function: an error holds errors
const wireError: Read<WireError> = (value, path) => readWireError(value, path)
const readWireError = record<WireError>({
  name: text,
  message: text,
  code: optional(text),
  stack: optional(text),
  line: optional(count),
  column: optional(count),
  cause: optional(wireError),
  errors: optional(listOf(wireError)),
  thrown: optional(bytes),
})

const shortName = textOf(3, capabilityLimits.nameLength)
const wellFormedName = matching(capabilityNamePattern, 'provider.capability')
const capabilityName: Read<string> = (value, path) => wellFormedName(shortName(value, path), path)

const manifest = record<CapabilityManifest>({
  capabilities: listOf(
    record<CapabilityManifest['capabilities'][number]>({
      name: capabilityName,
      returns: oneOf('value', 'body', 'response'),
      body: optional(
        record<{ field: string; position?: number | undefined }>({ field: text, position: optional(count) }),
      ),
    }),
  ),
  names: listOf(record<CapabilityManifest['names'][number]>({ name: text, capability: capabilityName })),
  input: flag,
})

const readers: { readonly [Type in HostMessage['type']]: Read<HostMessage> } = {
  hello: record<HelloMessage>({
    type: oneOf('hello'),
    protocol: record<ProtocolVersion>({ major: count, minor: count }),
    codecs: listOf(text, { atLeast: 1 }),
    features: listOf(text),
    limits: record<FrameLimits>({ frameBytes: count, depth: count }),
    settings,
    outputWindowBytes: count,
    maxStreams: optional(count),
    maxConcurrentExecutions: optional(count),
  }),
  execute: record<ExecuteMessage>({
    type: oneOf('execute'),
    executionId: id,
    code: text,
    filename: optional(text),
    language: optional(oneOf('auto', 'js', 'jsx', 'ts', 'tsx')),
    route: optional(oneOf('auto', 'threaded', 'async')),
    storeHistory: optional(flag),
    transaction: optional(oneOf('commit-always', 'rollback-on-failure', 'rollback-always')),
    warmup: optional(yes),
  }),
  'input-response': record<InputResponseMessage>({
    type: oneOf('input-response'),
    executionId: id,
    inputId: id,
    answer: variant<InputResponseMessage['answer']>('kind', {
      text: record<{ kind: 'text'; text: string }>({ kind: oneOf('text'), text }),
      eof: record<{ kind: 'eof' }>({ kind: oneOf('eof') }),
      'timed-out': record<{ kind: 'timed-out' }>({ kind: oneOf('timed-out') }),
      refused: record<{ kind: 'refused'; error: WireError }>({ kind: oneOf('refused'), error: wireError }),
    }),
  }),
  capabilities: record<CapabilitiesMessage>({ type: oneOf('capabilities'), manifest }),
  'capability-response': record<CapabilityResponseMessage>({
    type: oneOf('capability-response'),
    executionId: id,
    callId: id,
    answer: variant<CapabilityResponseMessage['answer']>('kind', {
      value: record<{ kind: 'value'; value: Uint8Array; body?: true | undefined }>({
        kind: oneOf('value'),
        value: bytes,
        body: optional(yes),
      }),
      error: record<{ kind: 'error'; error: WireError }>({ kind: oneOf('error'), error: wireError }),
    }),
  }),
  cancel: record<CancelMessage>({
    type: oneOf('cancel'),
    executionId: id,
    reason: oneOf('cancelled', 'timed-out'),
    cooperativeMs: durationMs,
  }),
  interrupt: record<InterruptMessage>({ type: oneOf('interrupt'), cooperativeMs: durationMs }),
  inspect: record<InspectMessage>({
    type: oneOf('inspect'),
    requestId: id,
    query: variant<InspectQuery>('what', {
      namespace: record<{ what: 'namespace' }>({ what: oneOf('namespace') }),
      completions: record<{ what: 'completions'; code: string; cursor: number }>({
        what: oneOf('completions'),
        code: text,
        cursor: count,
      }),
      completeness: record<{ what: 'completeness'; code: string }>({ what: oneOf('completeness'), code: text }),
    }),
  }),
  checkpoint: record<CheckpointMessage>({ type: oneOf('checkpoint'), requestId: id, limitBytes: count }),
  restore: record<RestoreMessage>({ type: oneOf('restore'), requestId: id, mode: oneOf('replace', 'merge') }),
  reset: record<ResetMessage>({ type: oneOf('reset'), requestId: id, cooperativeMs: durationMs }),
  'stream-credit': record<StreamCreditMessage>({ type: oneOf('stream-credit'), streamId: text, bytes: count }),
  'stream-open': record<StreamOpenMessage>({
    type: oneOf('stream-open'),
    streamId: id,
    name: textOf(1, streamLimits.nameLength),
    windowBytes: count,
  }),
  'stream-data': record<StreamDataMessage>({
    type: oneOf('stream-data'),
    streamId: id,
    kind: oneOf('bytes', 'value'),
    data: bytes,
  }),
  'stream-close': record<StreamCloseMessage>({
    type: oneOf('stream-close'),
    streamId: id,
    side: oneOf('write', 'read'),
    error: optional(wireError),
  }),
  shutdown: record<ShutdownMessage>({ type: oneOf('shutdown'), graceMs: durationMs }),
}

const readKnown = variant<HostMessage>('type', readers)

/**
 * What `parseHostMessage` does, without zod: the host is trusted, but a version that says something else is noticed.
 * @throws INVALID_MESSAGE
 */
export function readHostMessage(raw: unknown): HostMessage | UnknownMessage {
  const type: unknown = typeof raw === 'object' && raw !== null ? (raw as { type?: unknown }).type : undefined
  return typeof type === 'string' && !hasOwn(readers, type) ? unknownMessage(type) : readKnown(raw, '')
}
