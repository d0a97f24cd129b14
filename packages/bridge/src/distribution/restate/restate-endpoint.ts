import { once } from 'node:events'
import { createServer, type ServerHttp2Session } from 'node:http2'
import { type AddressInfo, createServer as createListener, type Server } from 'node:net'
import { type Clock, type Logger, withDeadline } from '@capsule/core'
import * as restate from '@restatedev/restate-sdk'
import { reasonOf } from '../host-answer.ts'

export interface RestateEndpointParts {
  readonly service: restate.ServiceDefinition<string, unknown>
  readonly address: string
  /** 0: a free one. */
  readonly port: number
  /** Other processes listen on the port too, and the kernel chooses. Linux. */
  readonly isShared: boolean
  /** Requests at a time on one connection; for more the server opens others, which may reach other hosts. */
  readonly streams: number
  readonly identityKeys: readonly string[]
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * One service over HTTP/2. The door is what listens: while it is shut, new connections go to whoever else listens on the
 * port, and those that are there allow no new requests. (They are told so by a setting. A GOAWAY would have the server, at
 * its next request, cut the connection with all that runs on it: seen with Restate 1.7.)
 */
export class RestateEndpoint {
  readonly #parts: RestateEndpointParts
  readonly #server
  readonly #sessions = new Set<ServerHttp2Session>()
  #door: Server | undefined
  #port: number

  constructor(parts: RestateEndpointParts) {
    this.#parts = parts
    this.#port = parts.port
    const { service, identityKeys, streams } = parts
    const handler = restate.createEndpointHandler({
      services: [service],
      bidirectional: true,
      logger: (metadata, message: unknown, ...more: unknown[]) => this.#log(metadata, [message, ...more]),
      ...(identityKeys.length > 0 && { identityKeys: [...identityKeys] }),
    })
    this.#server = createServer({ settings: { maxConcurrentStreams: streams } }, handler)
    this.#server.on('session', (session) => {
      this.#sessions.add(session)
      if (this.#door === undefined) session.settings({ maxConcurrentStreams: 0 })
      session.once('close', () => this.#sessions.delete(session))
      // a peer that is gone; its streams tell whom it concerns
      session.on('error', () => {})
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
      else this.#server.emit('connection', socket)
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
    if (this.#door !== door) return
    this.#port = (door.address() as AddressInfo).port
    this.#allowStreams(this.#parts.streams)
  }

  /** What runs goes on. */
  shut(): void {
    this.#door?.close()
    this.#door = undefined
    this.#allowStreams(0)
  }

  /** Resolves when the last connection is gone, which is cut after `flushMs`. */
  async close(flushMs: number): Promise<void> {
    this.shut()
    const sessions = [...this.#sessions]
    for (const session of sessions) session.close()
    const ended = Promise.all(sessions.map((session) => session.destroyed || once(session, 'close')))
    try {
      await withDeadline(ended, { clock: this.#parts.clock, timeoutMs: flushMs, what: 'the last answers' })
    } catch (error) {
      this.#parts.logger.warn('connections were cut', { reason: reasonOf(error) })
      for (const session of sessions) session.destroy()
      await ended
    }
  }

  #allowStreams(maxConcurrentStreams: number): void {
    for (const session of this.#sessions) {
      if (!session.closed && !session.destroyed) session.settings({ maxConcurrentStreams })
    }
  }

  #log({ level }: restate.LogMetadata, texts: readonly unknown[]): void {
    const message = texts.map((text) => (text instanceof Error ? text.message : String(text))).join(' ')
    const { logger } = this.#parts
    // the server tells of every failure, and tries again: here it is a detail
    if (level === 'error') logger.warn(message)
    else logger.debug(message)
  }
}
