/** The messages between a Capsule host and its worker: schemas, codecs, negotiation, values. */
export { type BindingReport, bindingReportSchema, type SkipReason } from './binding-report.ts'
export { capabilityLimits } from './capability-limits.ts'
export { type CapabilityManifest, capabilityManifestSchema, capabilityNameSchema } from './capability-manifest.ts'
export type { Codec } from './codec.ts'
export { createCodec } from './codecs/create-codec.ts'
export { defaultWorkerSettings } from './default-settings.ts'
export { creditedBytes, isBoundedJson } from './display-content.ts'
export { displayLimits } from './display-limits.ts'
export { protocolErrors } from './errors.ts'
export { type Feature, hostFeatures, workerFeatures } from './features.ts'
export { defaultLimits } from './limits.ts'
export type { AckMessage } from './messages/ack.ts'
export type { CancelMessage } from './messages/cancel.ts'
export type { CapabilitiesMessage } from './messages/capabilities.ts'
export type { CapabilityCancelMessage } from './messages/capability-cancel.ts'
export type { CapabilityRequestMessage } from './messages/capability-request.ts'
export type { CapabilityResponseMessage } from './messages/capability-response.ts'
export type { CheckpointMessage } from './messages/checkpoint.ts'
export type { DisplayContent, DisplayMessage } from './messages/display.ts'
export type { ErrorMessage, TerminalErrorMessage, UncaughtErrorMessage } from './messages/error.ts'
export type { CellLanguage, ExecuteMessage, Route } from './messages/execute.ts'
export type { HeartbeatMessage } from './messages/heartbeat.ts'
export type { HelloMessage } from './messages/hello.ts'
export type { InputRequestMessage } from './messages/input-request.ts'
export type { InputResponseMessage } from './messages/input-response.ts'
export type { BindingSummary, InspectAnswer, InspectResultMessage } from './messages/inspect-result.ts'
export type { InspectMessage, InspectQuery } from './messages/inspect.ts'
export type { InterruptMessage } from './messages/interrupt.ts'
export type { OutputMessage, StreamName } from './messages/output.ts'
export type { ProgressMessage } from './messages/progress.ts'
export type { ReadyMessage } from './messages/ready.ts'
export type { ResetMessage } from './messages/reset.ts'
export type { ResetAnswer, ResetResultMessage } from './messages/reset-result.ts'
export type { RestoreMessage } from './messages/restore.ts'
export type { ResultMessage } from './messages/result.ts'
export type { ShutdownMessage } from './messages/shutdown.ts'
export type { StreamCloseMessage } from './messages/stream-close.ts'
export type { StreamCreditMessage } from './messages/stream-credit.ts'
export type { StreamDataMessage } from './messages/stream-data.ts'
export type { StreamOpenMessage } from './messages/stream-open.ts'
export { type HostMessage, hostMessageSchema, type WorkerMessage, workerMessageSchema } from './messages.ts'
export {
  type CapturedNamespace,
  decodeRestoreAnswer,
  decodeSnapshot,
  type RestoreAnswer,
  type RestoreMode,
  type SnapshotFacts,
} from './namespace-snapshot.ts'
export { type Agreement, checkReady, codecNames, negotiate, type Offer, protocolVersion } from './negotiate.ts'
export type { CodecName, FrameLimits, ProtocolVersion } from './negotiation.ts'
export { parseHostMessage, parseWorkerMessage } from './parse-message.ts'
export { readHostMessage } from './read-host-message.ts'
export { type BackPressure, type WorkerSettings, workerSettingsSchema } from './settings.ts'
export { settingsFromEnv } from './settings-from-env.ts'
export type { CellMode, OutputCounters } from './settlement.ts'
export {
  callStreamName,
  reservedStreamRule,
  type StreamClass,
  streamClassOf,
  streamCost,
  streamLimits,
  type StreamMessage,
  streamSizes,
} from './stream-limits.ts'
export { encodeSnapshotFacts, snapshotStreamName } from './snapshot-transfer.ts'
export type { TransactionMode, TransactionReport } from './transaction.ts'
export type { UnknownMessage } from './unknown-message.ts'
export { decodeValue } from './value/decode-value.ts'
export { type EncodedValue, encodeValue } from './value/encode-value.ts'
export type { WireError } from './wire-error.ts'
