import { once } from 'node:events'
import { bridgeErrors, type ExecutionDistributor, type ServeOptions, type ServingHost } from '@capsule/bridge'
import { isCapsuleError, systemClock } from '@capsule/core'
import { createCapsule } from '@capsule/host'
import { exitCodes } from '../exit-codes.ts'
import { listenForInterrupts } from '../run/interrupts.ts'
import { createDistributor } from './create-distributor.ts'
import { KeptSessions } from './kept-sessions.ts'
import { createRunExecution } from './run-execution.ts'
import { createStderrLogger } from './stderr-logger.ts'
import type { WorkerHostCommand } from './worker-host-arguments.ts'

/** `capsule worker-host`: serves executions until SIGTERM or SIGINT, then drains. Resolves to the exit code. */
export async function workerHostCommand(command: WorkerHostCommand): Promise<number> {
  using interrupts = listenForInterrupts()
  // whoever asks twice does not want to wait; workers end with their host
  interrupts.kill.addEventListener('abort', () => process.exit(exitCodes.cancelled))
  try {
    await serve(command, interrupts.cancel)
    return exitCodes.ok
  } catch (error) {
    if (!isCapsuleError(error)) throw error
    process.stderr.write(`capsule: ${error.code}: ${error.message}\n`)
    return error.code === 'INVALID_OPTIONS' ? exitCodes.usage : exitCodes.crashed
  }
}

async function serve(command: WorkerHostCommand, ended: AbortSignal): Promise<void> {
  const { group, host, capacity, drainMs, timeoutMs, isolation, executor, sessions: max, sessionIdleMs } = command
  await using distributor = await createDistributor(command, createStderrLogger())
  // one more than run, so that the next finds a warm one; the engine is told of executions that get none in time
  const pool = { minIdle: 1, maxSessions: capacity + 1 }
  await using capsule = await createCapsule({ isolation, pool, ...(executor !== undefined && { executor }) })
  const open = (): ReturnType<typeof capsule.createSession> => capsule.createSession()
  await using kept = new KeptSessions({ open, max, idleMs: sessionIdleMs, clock: systemClock })
  const run = createRunExecution({ pool: capsule.pool, kept, host, timeoutMs })
  // declared last: it drains before the sessions end
  const serving = await startServing(distributor, { group, host, capacity, run }, ended)
  if (serving === undefined) return
  const level = capsule.info().isolation
  process.stdout.write(`${serving.host} serves group ${group}: ${capacity} at a time, isolation ${level}\n`)
  if (!ended.aborted) await once(ended, 'abort')
  process.stdout.write(`${serving.host} drains: ${serving.running} running, at most ${drainMs} ms\n`)
  await serving.shutdown({ graceMs: drainMs })
}

/** `undefined`: it was to end before it served. An engine that does not answer would be asked for long. */
async function startServing(
  distributor: ExecutionDistributor,
  options: ServeOptions,
  ended: AbortSignal,
): Promise<ServingHost | undefined> {
  const stop = (): void => void distributor.close().catch(() => {})
  ended.addEventListener('abort', stop, { once: true })
  if (ended.aborted) stop()
  try {
    return await distributor.serve(options)
  } catch (error) {
    if (ended.aborted && bridgeErrors.DISTRIBUTOR_CLOSED.is(error)) return undefined
    throw error
  } finally {
    ended.removeEventListener('abort', stop)
  }
}
