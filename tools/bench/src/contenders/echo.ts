import type { Contender } from '../contender.ts'
import { startChild } from '../child.ts'

/** 200 bytes to a child and back: the floor under every answer from another process. */
export async function startEcho(): Promise<Contender> {
  const child = startChild('echo.mjs')
  const message = Buffer.alloc(200, 'x')
  let received = 0
  let answered: () => void = () => undefined
  child.output.on('data', (chunk: Buffer) => {
    received += chunk.length
    if (received < message.length) return
    received = 0
    answered()
  })
  return {
    name: 'echo',
    evaluate: () =>
      new Promise<void>((resolve) => {
        answered = resolve
        child.input.write(message)
      }),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  }
}
