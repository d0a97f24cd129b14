import type { Socket } from 'node:net'
import type { ByteSink, ByteSinkHandlers, ByteSource } from './byte-pipes.ts'
import { encodeFrame } from './framing.ts'

/** Bytes from a socket, by 'data' events. `onClose` decides what happens to the bytes nobody wants any more. */
export function createSocketSource(socket: Socket, onClose: 'discard' | 'destroy'): ByteSource {
  let isOver = false
  const once = (action: () => void): void => {
    if (isOver) return
    isOver = true
    action()
  }
  return {
    open(handlers) {
      // an 'error' without a listener would end this process
      socket.on('error', (error) => once(() => handlers.fail(error)))
      socket.on('end', () => once(() => handlers.end()))
      socket.on('close', () => once(() => handlers.end()))
      socket.on('data', (chunk: Buffer) => {
        if (!isOver) handlers.data(chunk)
      })
      socket.pause()
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    close() {
      isOver = true
      if (onClose === 'destroy') socket.destroy()
      // read on, so that the peer does not stay blocked in a write and its end is seen
      else socket.resume()
    },
  }
}

/** Frames into a socket; what the system does not take is queued in the stream. */
export function createSocketSink(socket: Socket): ByteSink {
  let handlers: ByteSinkHandlers | undefined
  const ended = Promise.withResolvers<void>()
  const onWritten = (): void => handlers?.progress()
  // frames of one turn leave in one system call: each would wake the peer
  const uncork = (): void => socket.uncork()
  let isEnding = false
  return {
    get queuedBytes() {
      return socket.writableLength
    },
    open(given) {
      handlers = given
      socket.on('error', (error) => given.fail(error))
      socket.on('finish', () => ended.resolve())
      socket.on('close', () => {
        // a socket also ends itself, without an error, when the peer closes
        if (!isEnding || !socket.writableFinished) given.fail(new Error('the peer closed its end of the pipe'))
        ended.resolve()
      })
    },
    writeFrame(payload) {
      if (socket.writableCorked === 0) {
        socket.cork()
        process.nextTick(uncork)
      }
      socket.write(encodeFrame(payload, Infinity), onWritten)
    },
    end() {
      isEnding = true
      if (socket.destroyed) ended.resolve()
      else socket.end()
      return ended.promise
    },
    destroy: () => void socket.destroy(),
  }
}
