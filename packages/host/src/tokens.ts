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
import { defaultDrivers, type IsolationDriver } from '@capsule/sandbox'
import type { ConnectWorker } from '@capsule/session'
import { type ChildProcessTransportOptions, createChildProcessTransport } from '@capsule/transport'
import { workerEntry } from '@capsule/worker'

/** One worker to start: nothing of the host's environment is added. */
export type WorkerLaunch = Pick<
  ChildProcessTransportOptions,
  'command' | 'args' | 'env' | 'cwd' | 'uid' | 'gid' | 'tellsSignalsAsCodes' | 'extraStdio'
>

/** The parts of a capsule that can be replaced. */
export const tokens = {
  clock: createToken<Clock>('clock'),
  logger: createToken<Logger>('logger'),
  ids: createToken<IdSource>('ids'),
  /** What gives the isolation levels; of two with one level the first that works here is taken. */
  drivers: createToken<readonly IsolationDriver[]>('drivers'),
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
    .provide(tokens.drivers, () => defaultDrivers())
    .provide(tokens.workerEntry, () => workerEntry)
    .provide(tokens.connectWorker, (container) => {
      const clock = container.get(tokens.clock)
      return (launch) => () => createChildProcessTransport<HostMessage>({ ...launch, clock })
    })
}
