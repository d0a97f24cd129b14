/** Framing and message transports over child-process pipes and memory. */
export type { ProcessExit, ProcessTransport, Stray, Transport, TransportCounters, TransportEnd, TransportReceiver } from './transport.ts'
