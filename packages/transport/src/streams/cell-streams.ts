import { coreErrors } from '@capsule/core'
import { callStreamName, reservedStreamRule, streamClassOf, streamLimits } from '@capsule/protocol'
import { transportErrors } from '../errors.ts'
import { isSafeInteger, SafeMap } from './primordials.ts'
import type { StreamChannel } from './stream-channel.ts'
import { createStreamHub, type StreamHub, type StreamHubOptions, type StreamOptions } from './stream-hub.ts'

/** What the host has agreed to, and the way to it. */
export type CellStreamsLink = Pick<StreamHubOptions, 'send' | 'sizes' | 'maxStreams'>

export interface CellStreamsOptions {
  /** Undefined: the host knows no streams. */
  readonly link: CellStreamsLink | undefined
  /** See `StreamHubOptions`. */
  readonly copiesData?: boolean
  /** Runs code that may not be terminated in the middle. @defaultValue runs it */
  readonly critical?: <T>(fn: () => T) => T
  readonly engine: StreamEngine
}

/** What is needed of the cells' engine. */
export interface StreamEngine {
  currentExecutionId(): string | undefined
  /** Calls back when the execution is cancelled, at once if it is already; returns the way to unregister. */
  onCancel(executionId: string, listener: (error: Error) => void): () => void
}

/** The channels of cells. */
export interface CellStreams extends Pick<StreamHub, 'receive' | 'resume' | 'abandon' | 'close'> {
  /** `capsule.stream` of cells. @throws INVALID_OPTIONS, STREAM_LIMIT, STREAMS_UNAVAILABLE */
  readonly stream: (name: string, options?: StreamOptions) => StreamChannel
  /** The channel of one capability call. @throws STREAM_LIMIT, STREAMS_UNAVAILABLE */
  readonly callStream: (callId: string) => StreamChannel
  /** The code of this execution was terminated: it waits for nothing any more. */
  giveUp(executionId: string): void
}

interface Wait {
  readonly executionId: string
  readonly cancelled: (error: Error) => void
}

export function createCellStreams(options: CellStreamsOptions): CellStreams {
  const { link, copiesData = false, critical = (fn) => fn(), engine } = options
  const waits = new SafeMap<Wait, true>()
  const waitOfCaller = (cancelled: Wait['cancelled']): (() => void) | undefined => {
    const executionId = engine.currentExecutionId()
    if (executionId === undefined) return undefined
    const wait: Wait = { executionId, cancelled }
    waits.set(wait, true)
    const unregister = engine.onCancel(executionId, cancelled)
    return () => {
      waits.delete(wait)
      unregister()
    }
  }
  const hub =
    link && createStreamHub({ ...link, side: 'worker', copiesData, waits: { critical, onCancel: waitOfCaller } })
  const open = (name: string, windowBytes?: number): StreamChannel => {
    if (hub === undefined) throw transportErrors.STREAMS_UNAVAILABLE({ name })
    return critical(() => hub.stream(name, { windowBytes }))
  }
  return {
    callStream: (callId) => open(callStreamName(callId)),
    stream(name, { windowBytes }: StreamOptions = {}) {
      checkName(name)
      if (windowBytes !== undefined && !(isSafeInteger(windowBytes) && windowBytes > 0))
        throw invalid('windowBytes must be a whole number above 0')
      return open(name, windowBytes)
    },
    receive: (message) => hub?.receive(message) === true,
    resume: () => hub?.resume(),
    abandon: () => critical(() => hub?.abandon()),
    close: (error) => hub?.close(error),
    giveUp(executionId) {
      const error = coreErrors.CANCELLED({ what: executionId })
      waits.forEach((_, wait) => {
        if (wait.executionId === executionId) wait.cancelled(error)
      })
    },
  }
}

function checkName(name: unknown): void {
  const isText = typeof name === 'string' && name.length > 0 && name.length <= streamLimits.nameLength
  if (!isText) throw invalid(`name must be a string of 1 to ${streamLimits.nameLength} characters`)
  if (streamClassOf(name) !== 'named') throw invalid(reservedStreamRule)
}

const invalid = (problem: string): Error =>
  coreErrors.INVALID_OPTIONS({ where: 'capsule.stream()', problems: [problem] })
