import { capabilityBody, capabilityReply, defineProvider } from '@capsule/provider-sdk'
import * as z from 'zod'

const any = z.unknown()
const body = z.custom<symbol>((value) => value === capabilityBody)

/** A provider that counts what of it is at work. */
export function createCountedTools() {
  const atWork = { handlers: 0, bodies: 0 }

  async function counted<T>(what: keyof typeof atWork, work: () => Promise<T>): Promise<T> {
    atWork[what]++
    try {
      return await work()
    } finally {
      atWork[what]--
    }
  }

  async function* pieces(bytes: number): AsyncGenerator<Uint8Array> {
    atWork.bodies++
    try {
      for (let rest = bytes; rest > 0; rest -= 400_000) {
        yield new Uint8Array(Math.min(rest, 400_000)).fill(7)
        await Promise.resolve()
      }
    } finally {
      atWork.bodies--
    }
  }

  const untilAborted = (signal: AbortSignal): Promise<never> =>
    new Promise((_, reject) => {
      const abort = (): void => reject(signal.reason as Error)
      if (signal.aborted) abort()
      else signal.addEventListener('abort', abort)
    })

  const provider = defineProvider({
    name: 'tools',
    specificationVersion: 'v1',
    capabilities: {
      echo: {
        summary: 'Gives back what it was given.',
        effect: 'read',
        input: z.strictObject({ value: any }),
        output: any,
        positional: ['value'],
        handler: ({ value }) => counted('handlers', async () => value),
      },
      ask: {
        summary: 'As echo, if a person agrees.',
        input: z.strictObject({ value: any }),
        output: any,
        positional: ['value'],
        handler: ({ value }) => counted('handlers', async () => value),
      },
      wait: {
        summary: 'Waits for its signal.',
        input: z.strictObject({}),
        output: any,
        handler: (_, { signal }) => counted('handlers', () => untilAborted(signal)),
      },
      upload: {
        summary: 'Counts the bytes of a body.',
        input: z.strictObject({ data: body }),
        output: z.number(),
        positional: ['data'],
        bodyField: 'data',
        limits: { inputBytes: 100_000_000 },
        handler: (_, { body: sent }) =>
          counted('handlers', async () => {
            let bytes = 0
            for await (const chunk of sent ?? []) bytes += chunk.length
            return bytes
          }),
      },
      ignore: {
        summary: 'Does not look at a body.',
        input: z.strictObject({ data: body }),
        output: z.number(),
        positional: ['data'],
        bodyField: 'data',
        limits: { inputBytes: 100_000_000 },
        handler: () => 5,
      },
      download: {
        summary: 'Sends as many bytes as asked for.',
        effect: 'read',
        input: z.strictObject({ bytes: z.number() }),
        output: any,
        positional: ['bytes'],
        returns: 'body',
        limits: { outputBytes: 100_000_000, timeoutMs: 1000 },
        handler: ({ bytes }) => counted('handlers', async () => capabilityReply({ size: bytes }, pieces(bytes))),
      },
    },
  })
  return { provider, atWork }
}
