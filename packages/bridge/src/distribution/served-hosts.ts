import type { ServingHost } from './execution-distributor.ts'
import { shutdownAll } from './serving-host.ts'

/** The hosts that one distributor serves, those that still start included. */
export class ServedHosts {
  readonly #starting = new Set<Promise<ServingHost>>()

  /** `start` is given what is to be called when the host has ended. */
  async add(start: (onEnded: () => void) => Promise<ServingHost>): Promise<ServingHost> {
    const starting: Promise<ServingHost> = start(() => this.#starting.delete(starting))
    this.#starting.add(starting)
    try {
      return await starting
    } catch (error) {
      this.#starting.delete(starting)
      throw error
    }
  }

  /** @throws AggregateError */
  async shutdown(options: { graceMs?: number }): Promise<void> {
    const started = await Promise.allSettled(this.#starting)
    const hosts = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    await shutdownAll(hosts, options)
  }
}
