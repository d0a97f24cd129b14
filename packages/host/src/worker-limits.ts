import type { Clock } from '@capsule/core'
import type { HostMessage } from '@capsule/protocol'
import {
  createWatchdog,
  defaultConfinedRssMb,
  isConfined,
  type IsolationLevel,
  type PreparedLaunch,
  probeWatchdog,
  sandboxErrors,
  type Watchdog,
} from '@capsule/sandbox'
import type { ConnectWorker } from '@capsule/session'
import type { ProcessTransport } from '@capsule/transport'

/** Those of `CapsuleSessionOptions`. */
export interface WorkerLimits {
  readonly maxRssMb?: number | undefined
  readonly maxCpuMs?: number | undefined
}

type FindPid = NonNullable<PreparedLaunch['workerPid']>

export interface LimitedWorkersOptions {
  readonly connect: ConnectWorker<HostMessage>
  readonly limits: WorkerLimits
  /** Somebody asked for them: a worker that cannot be watched must not run. */
  readonly isRequired: boolean
  readonly findPid: FindPid
  readonly clock: Clock
}

/**
 * The limits in effect. What the caller asks for is enforced or refused; the default is left out where it cannot be.
 * @throws WATCHDOG_UNAVAILABLE
 */
export function effectiveLimits(
  level: IsolationLevel,
  { maxRssMb, maxCpuMs }: WorkerLimits,
  findPid: FindPid | undefined,
): WorkerLimits {
  const availability = probeWatchdog()
  const reason = availability.isAvailable
    ? findPid === undefined && 'the isolation driver does not tell the pid of the worker'
    : availability.reason
  if (reason !== false) {
    if (maxRssMb === undefined && maxCpuMs === undefined) return {}
    throw sandboxErrors.WATCHDOG_UNAVAILABLE({ limit: maxRssMb === undefined ? 'maxCpuMs' : 'maxRssMb', reason })
  }
  return {
    ...(maxRssMb === undefined ? isConfined(level) && { maxRssMb: defaultConfinedRssMb } : { maxRssMb }),
    ...(maxCpuMs !== undefined && { maxCpuMs }),
  }
}

/** Connects to workers that are killed when they exceed a limit; their deaths then count as that. */
export function limitedWorkers(options: LimitedWorkersOptions): ConnectWorker<HostMessage> {
  const { maxRssMb, maxCpuMs } = options.limits
  if (maxRssMb === undefined && maxCpuMs === undefined) return options.connect
  return () => watched(options.connect(), options)
}

/** What the watchdog needs of a message, which nobody has validated yet. */
interface Observed {
  readonly type?: unknown
  readonly terminal?: unknown
  readonly executionId?: unknown
}

function watched(
  transport: ProcessTransport<HostMessage>,
  { limits, isRequired, findPid, clock }: LimitedWorkersOptions,
): ProcessTransport<HostMessage> {
  let watchdog: Watchdog | undefined

  /** Whether the worker may run. */
  function watch(): boolean {
    try {
      const pid = findPid(transport.pid)
      if (pid === undefined) {
        throw sandboxErrors.WATCHDOG_UNAVAILABLE({
          limit: Object.keys(limits).join(' and '),
          reason: 'the worker was not found among the processes',
        })
      }
      const onExceeded = (error: Parameters<typeof transport.kill>[1]): void => transport.kill('SIGKILL', error)
      watchdog = createWatchdog({ pid, ...limits, clock, onExceeded })
      return true
    } catch (error) {
      if (!sandboxErrors.WATCHDOG_UNAVAILABLE.is(error)) throw error
      if (isRequired) transport.kill('SIGKILL', error)
      return !isRequired
    }
  }

  /** Whether the session is to see it: nothing is ready that must be watched and cannot be. */
  function observe({ type, terminal, executionId }: Observed): boolean {
    if (type === 'ready' && watchdog === undefined) return watch()
    if (type === 'result' || (type === 'error' && terminal === true)) watchdog?.ended(String(executionId))
    return true
  }

  void transport.exited.then(() => watchdog?.[Symbol.dispose]())
  const send = transport.send.bind(transport)
  const start = transport.start.bind(transport)
  // the object itself, so that all else of it is as it was
  return Object.assign(transport, {
    send(message: HostMessage) {
      if (message.type === 'execute') watchdog?.started(message.executionId)
      return send(message)
    },
    start(receiver: Parameters<typeof start>[0]) {
      start({
        message(message, frameBytes) {
          const isShown = typeof message !== 'object' || message === null || observe(message)
          if (isShown) receiver.message(message, frameBytes)
        },
        end: (end) => receiver.end(end),
      })
    },
  })
}
