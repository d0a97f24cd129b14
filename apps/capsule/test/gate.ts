import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRecorder } from '@capsule/testing'

const deadlineMs = 20_000

/** Where cells come by on their way: `await (await fetch(url)).text()` waits until the test lets it go on. */
export class Gate implements AsyncDisposable {
  readonly #server = createServer((_, response) => this.#arrivals.record(response))
  readonly #arrivals = createRecorder<ServerResponse>()

  static async open(): Promise<Gate> {
    const gate = new Gate()
    await once(gate.#server.listen(0, '127.0.0.1'), 'listening')
    return gate
  }

  /** The code of a cell that waits here, and whose value is what the test says. */
  get cell(): string {
    return `await (await fetch('http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/')).text()`
  }

  /** Resolves when the cell that is the `count`th has come; `let` it go on with this text as its value. */
  async arrival(count: number): Promise<{ let: (text: string) => void }> {
    await this.#arrivals.waitForCount(count, { deadlineMs, what: `${count} cells at the gate` })
    return { let: (text) => void this.#arrivals.values[count - 1]?.end(text) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }
}
