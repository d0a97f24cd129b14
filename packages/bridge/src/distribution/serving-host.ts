import { randomBytes } from 'node:crypto'
import { checkGrace } from './distribution-options.ts'
import type { ServingHost } from './execution-distributor.ts'
import type { HostedExecutions } from './hosted-executions.ts'

const defaultGraceMs = 10_000

/** 40 random bits, so that two hosts of one given name do not meet. */
export function createHostName(given: string): string {
  return `${given}-${randomBytes(5).toString('hex')}`
}

/** The handle over what an adapter does to shut a host down, once. */
export function servingHost(
  host: string,
  executions: Pick<HostedExecutions, 'running'>,
  shutdownOnce: (graceMs: number) => Promise<void>,
): ServingHost {
  let ended: Promise<void> | undefined
  const shutdown = async (options: { graceMs?: number } = {}): Promise<void> => {
    const { graceMs = defaultGraceMs } = checkGrace('shutdown()', options)
    ended ??= shutdownOnce(graceMs)
    await ended
  }
  return {
    host,
    get running() {
      return executions.running
    },
    shutdown,
    [Symbol.asyncDispose]: () => shutdown(),
  }
}

/** All at once: each has the whole grace. @throws AggregateError */
export async function shutdownAll(hosts: Iterable<ServingHost>, options: { graceMs?: number }): Promise<void> {
  const ended = await Promise.allSettled([...hosts].map((host) => host.shutdown(options)))
  const errors = ended.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []))
  if (errors.length > 0) throw new AggregateError(errors, 'some hosts failed to shut down')
}
