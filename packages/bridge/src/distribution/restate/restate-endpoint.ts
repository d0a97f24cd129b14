import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer as createListener, type Server, type Socket } from 'node:net'
import { type Clock, coreErrors, type Logger, withDeadline } from '@capsule/core'
import * as restate from '@restatedev/restate-sdk'
import { reasonOf } from '../host-answer.ts'

export interface RestateEndpointParts {
  readonly service: restate.ServiceDefinition<string, unknown>
  readonly address: string
  /** 0: a free one. */
  readonly port: number
  /** Other processes listen on the port too, and the kernel chooses. Linux. */
  readonly isShared: boolean
  readonly identityKeys: readonly string[]
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * One service over HTTP/1.1, each request on a connection of its own. The door is what listens: while it is shut, new
 * connections go to whoever else listens on the port. (Over HTTP/2 the server puts many requests on one connection, which
 * then wait for this host while others are free; and after a GOAWAY it cuts what runs. Seen with Restate 1.7.)
 */
export class RestateEndpoint {
  readonly #parts: RestateEndpointParts
  readonly #server
  readonly #sockets = new Set<Socket>()
  #door: Server | undefined
  #port: number

  constructor(parts: RestateEndpointParts) {
    this.#parts = parts
    this.#port = parts.port
    const handler = this.#createHandler()
    // a request is under way for as long as its execution
    this.#server = createHttpServer({ requestTimeout: 0 }, (request, response) => {
      response.setHeader('connection', 'close')
      handler(request, response)
    })
  }

  get port(): number {
    return this.#port
  }

  async open(): Promise<void> {
    if (this.#door !== undefined) return
    const door = createListener((socket) => {
      // it was accepted while the door was being shut
      if (this.#door !== door) socket.destroy()
      else this.#welcome(socket)
    })
    this.#door = door
    const { address: host, isShared } = this.#parts
    door.listen({ host, port: this.#port, exclusive: true, reusePort: isShared })
    try {
      await once(door, 'listening')
    } catch (error) {
      if (this.#door === door) this.#door = undefined
      throw error
    }
    if (this.#door === door) this.#port = (door.address() as AddressInfo).port
  }

  /** What runs goes on. */
  shut(): void {
    this.#door?.close()
    this.#door = undefined
  }

  /** Resolves when the last connection is gone, which is cut after `flushMs`. */
  async close(flushMs: number): Promise<void> {
    this.shut()
    const { clock, logger } = this.#parts
    const sockets = [...this.#sockets]
    const ended = Promise.all(sockets.filter((socket) => !socket.closed).map((socket) => once(socket, 'close')))
    try {
      await withDeadline(ended, { clock, timeoutMs: flushMs, what: 'the last answers' })
    } catch (error) {
      logger.warn('connections were cut', { reason: reasonOf(error) })
      for (const socket of sockets) socket.destroy()
      await ended
    }
  }

  #createHandler(): ReturnType<typeof restate.createEndpointHandler> {
    const { service, identityKeys } = this.#parts
    try {
      return restate.createEndpointHandler({
        services: [service],
        bidirectional: true,
        logger: (metadata, message: unknown, ...more: unknown[]) => this.#log(metadata, [message, ...more]),
        ...(identityKeys.length > 0 && { identityKeys: [...identityKeys] }),
      })
    } catch (error) {
      // all that can be wrong with them
      const problems = [`endpoint: identityKeys: ${reasonOf(error)}`]
      throw coreErrors.INVALID_OPTIONS({ where: 'serve()', problems }, { cause: error })
    }
  }

  #welcome(socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    this.#server.emit('connection', socket)
  }

  #log({ level }: restate.LogMetadata, texts: readonly unknown[]): void {
    const message = texts.map((text) => (text instanceof Error ? text.message : String(text))).join(' ')
    const { logger } = this.#parts
    // the server tells of every failure, and tries again: here it is a detail
    if (level === 'error') logger.warn(message)
    else logger.debug(message)
  }
}
