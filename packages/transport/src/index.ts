/** Framing and message transports over child-process pipes and memory. */
export { type ChildProcessTransportOptions, createChildProcessTransport } from './child-process-transport.ts'
export { transportErrors } from './errors.ts'
export type { ExtraStdio } from './extra-stdio.ts'
export { createFdTransport, type FdTransport, type FdTransportOptions } from './fd-transport.ts'
export { createFrameDecoder, encodeFrame, type FrameDecoder, type FrameDecoderOptions } from './framing.ts'
export { defaultHighWaterBytes, defaultStderrTailBytes, frameHeaderBytes, pipeGraceMs } from './limits.ts'
export {
  createMemoryTransportPair,
  type MemoryProcess,
  type MemoryTransportOptions,
  type MemoryTransportPair,
} from './memory-transport.ts'
export { createRateLimiter, type RateLimiter, type RateLimiterOptions } from './rate-limiter.ts'
export {
  type CellStreams,
  type CellStreamsLink,
  type CellStreamsOptions,
  createCellStreams,
} from './streams/cell-streams.ts'
export type { FailOptions, StreamChannel, StreamWaits } from './streams/stream-channel.ts'
export {
  createStreamHub,
  type StreamCounters,
  type StreamHub,
  type StreamHubOptions,
  type StreamOptions,
  type StreamSide,
} from './streams/stream-hub.ts'
export type {
  ProcessExit,
  ProcessTransport,
  Stray,
  Transport,
  TransportCounters,
  TransportEnd,
  TransportReceiver,
} from './transport.ts'
