import { type CapsuleError, type Clock, coreErrors, type Timer } from '@capsule/core'
import * as z from 'zod'
import { sandboxErrors } from './errors.ts'
import type { Availability } from './isolation-driver.ts'
import { openProcessFigures, type ProcessFigures } from './process-figures.ts'

/** While an execution runs. A look costs 0.01 ms, and a worker can touch some 100 MB in the time between two. */
const busyIntervalMs = 50
/** While nothing runs and no CPU is used either, looks become rarer up to this. */
const longestIntervalMs = 1000
/** CPU use between two looks from which a worker counts as busy; heartbeats stay below. */
const busyCpuMs = 20
/** Between executions a worker may use `maxCpuMs` in so many times that much real time. */
const idleWindows = 10
const bytesPerMb = 1024 * 1024

export interface WatchdogOptions {
  /** Of the worker, as this process sees it. */
  readonly pid: number
  /** Resident memory in MiB. @defaultValue no limit */
  readonly maxRssMb?: number | undefined
  /**
   * CPU time of all threads of the worker while one execution runs, in ms. With several at once each counts all of it.
   * @defaultValue no limit
   */
  readonly maxCpuMs?: number | undefined
  readonly clock: Clock
  /** Called once, with MEMORY_LIMIT_EXCEEDED or CPU_LIMIT_EXCEEDED; then the watchdog stops. */
  readonly onExceeded: (error: CapsuleError) => void
}

/** Watches what a process uses. It also stops by itself when the process is gone. */
export interface Watchdog extends Disposable {
  /** An execution starts, with all of the CPU budget. */
  started(executionId: string): void
  ended(executionId: string): void
}

const optionsSchema = z.strictObject({
  pid: z.number().int().positive(),
  maxRssMb: z.number().positive().optional(),
  maxCpuMs: z.number().positive().optional(),
  clock: z.custom<Clock>((value) => typeof value === 'object' && value !== null),
  onExceeded: z.custom<WatchdogOptions['onExceeded']>((value) => typeof value === 'function'),
})

/** Whether limits of memory and CPU can be enforced on this machine. */
export function probeWatchdog(): Availability {
  if (process.platform === 'linux') return { isAvailable: true }
  const reason = `${process.platform} has no /proc`
  return { isAvailable: false, reason, nextStep: 'leave the limit out, or run on Linux' }
}

/** @throws INVALID_OPTIONS, WATCHDOG_UNAVAILABLE */
export function createWatchdog(options: WatchdogOptions): Watchdog {
  const { error } = optionsSchema.safeParse(options)
  if (error !== undefined) {
    const problems = error.issues.map(({ path, message }) => [...path, message].join(': '))
    throw coreErrors.INVALID_OPTIONS({ where: 'createWatchdog()', problems })
  }
  const availability = probeWatchdog()
  const limit = options.maxRssMb === undefined ? 'maxCpuMs' : 'maxRssMb'
  if (!availability.isAvailable) throw sandboxErrors.WATCHDOG_UNAVAILABLE({ limit, reason: availability.reason })
  try {
    return new ProcessWatchdog(options, openProcessFigures(options.pid))
  } catch (cause) {
    throw sandboxErrors.WATCHDOG_UNAVAILABLE({ limit, reason: String(cause) }, { cause })
  }
}

/** CPU time and real time at some moment. */
interface Mark {
  readonly cpuMs: number
  readonly atMs: number
}

class ProcessWatchdog implements Watchdog {
  readonly #options: WatchdogOptions
  readonly #figures: ProcessFigures
  /** When each execution that runs has started. */
  readonly #running = new Map<string, Mark>()
  /** While none runs: from when on what is used counts. */
  #idleSince: Mark
  #last: Mark
  #intervalMs = busyIntervalMs
  #timer: Timer | undefined
  #isStopped = false

  constructor(options: WatchdogOptions, figures: ProcessFigures) {
    this.#options = options
    this.#figures = figures
    this.#last = this.#idleSince = { cpuMs: figures.cpuMs() ?? 0, atMs: options.clock.now() }
    this.#watch()
  }

  started(executionId: string): void {
    if (this.#isStopped) return
    this.#running.set(executionId, this.#mark())
    if (this.#intervalMs === busyIntervalMs) return
    this.#intervalMs = busyIntervalMs
    this.#watch()
  }

  ended(executionId: string): void {
    const since = this.#running.get(executionId)
    // what it had used still counts: a worker that says that a cell has ended gains nothing by it
    if (since !== undefined) this.#idleSince = since
    this.#running.delete(executionId)
  }

  [Symbol.dispose](): void {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#timer?.cancel()
    this.#figures[Symbol.dispose]()
  }

  #watch(): void {
    this.#timer?.cancel()
    this.#timer = this.#options.clock.setTimer(this.#intervalMs, () => this.#look())
  }

  #mark(): Mark {
    // reading it takes longer than all else that the host does for an execution
    const cpuMs = this.#options.maxCpuMs === undefined ? undefined : this.#figures.cpuMs()
    return { cpuMs: cpuMs ?? this.#last.cpuMs, atMs: this.#options.clock.now() }
  }

  #look(): void {
    const rssBytes = this.#figures.rssBytes()
    const cpuMs = this.#figures.cpuMs()
    if (rssBytes === undefined || cpuMs === undefined) return this[Symbol.dispose]()
    const now = { cpuMs, atMs: this.#options.clock.now() }
    const error = this.#memoryError(rssBytes) ?? this.#cpuError(now)
    if (error !== undefined) {
      this[Symbol.dispose]()
      return this.#options.onExceeded(error)
    }
    const isBusy = this.#running.size > 0 || cpuMs - this.#last.cpuMs >= busyCpuMs
    this.#intervalMs = isBusy ? busyIntervalMs : Math.min(this.#intervalMs * 2, longestIntervalMs)
    this.#last = now
    this.#watch()
  }

  #memoryError(rssBytes: number): CapsuleError | undefined {
    const { maxRssMb = Infinity } = this.#options
    if (rssBytes <= maxRssMb * bytesPerMb) return undefined
    return sandboxErrors.MEMORY_LIMIT_EXCEEDED({ rssMb: Math.ceil(rssBytes / bytesPerMb), maxRssMb })
  }

  #cpuError({ cpuMs, atMs }: Mark): CapsuleError | undefined {
    const { maxCpuMs = Infinity } = this.#options
    for (const [executionId, since] of this.#running) {
      if (cpuMs - since.cpuMs > maxCpuMs) {
        return sandboxErrors.CPU_LIMIT_EXCEEDED({ cpuMs: cpuMs - since.cpuMs, maxCpuMs, executionId })
      }
    }
    if (this.#running.size > 0) return undefined
    const usedMs = cpuMs - this.#idleSince.cpuMs
    if (usedMs > maxCpuMs) return sandboxErrors.CPU_LIMIT_EXCEEDED({ cpuMs: usedMs, maxCpuMs })
    if (atMs - this.#idleSince.atMs > maxCpuMs * idleWindows) this.#idleSince = { cpuMs, atMs }
    return undefined
  }
}
