import {
  type Clock,
  Container,
  createRandomIds,
  createToken,
  type IdSource,
  type Logger,
  silentLogger,
  systemClock,
} from '@capsule/core'
import type { HostMessage } from '@capsule/protocol'
import type { ConnectWorker } from '@capsule/session'
import { createChildProcessTransport } from '@capsule/transport'
import { workerEntry } from '@capsule/worker'

/** One worker to start: nothing of the host's environment is added. */
export interface WorkerLaunch {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
}

/** The parts of a capsule that can be replaced. */
export const tokens = {
  clock: createToken<Clock>('clock'),
  logger: createToken<Logger>('logger'),
  ids: createToken<IdSource>('ids'),
  /** The file that a worker runs. */
  workerEntry: createToken<URL>('workerEntry'),
  /** Starts workers and connects to them: the transport. */
  connectWorker: createToken<(launch: WorkerLaunch) => ConnectWorker<HostMessage>>('connectWorker'),
}

/** A container with every default in place. */
export function createParts(): Container {
  return new Container()
    .provide(tokens.clock, () => systemClock)
    .provide(tokens.logger, () => silentLogger)
    .provide(tokens.ids, () => createRandomIds())
    .provide(tokens.workerEntry, () => workerEntry)
    .provide(tokens.connectWorker, (container) => {
      const clock = container.get(tokens.clock)
      return (launch) => () => createChildProcessTransport<HostMessage>({ ...launch, clock })
    })
}
