import type { ResonateMessage, ResonatePromise, ResonateRequest, ResonateResponse } from './resonate-network.ts'

/** A promise as the SDK's server holds it. */
export interface KeptPromise extends Omit<ResonatePromise, 'settledAt'> {
  settledAt: number | null
  callbacks: Set<string>
  listeners: Set<string>
}

/** Resonate's own rules, applied to one promise at a time. */
export interface ResonateMind {
  decide(
    nowMs: number,
    request: ResonateRequest,
    promise: KeptPromise | undefined,
  ): {
    readonly response: ResonateResponse
    readonly messages: readonly ResonateMessage[]
    readonly after: KeptPromise | undefined
  }
}

/** What of the SDK's server is used; it is not exported, so a test says whether it is as expected. */
interface SdkServer {
  readonly promises: Map<string, KeptPromise>
  outgoing: unknown[]
  apply(
    nowMs: number,
    request: ResonateRequest,
  ): { response: ResonateResponse; changes: readonly { kind: string; message?: ResonateMessage }[] }
}

/** Loads the SDK only when it is needed. */
export async function createResonateMind(): Promise<ResonateMind> {
  const { LocalNetwork } = await import('@resonatehq/sdk')
  const { server: sample } = new LocalNetwork() as unknown as { server: { constructor: new () => SdkServer } }
  const server = new sample.constructor()
  return {
    decide(nowMs, request, promise) {
      server.promises.clear()
      server.outgoing = []
      if (promise !== undefined) server.promises.set(promise.id, promise)
      const { response, changes } = server.apply(nowMs, request)
      const messages = changes.flatMap(({ kind, message }) =>
        kind === 'message.send' && message !== undefined ? [message] : [],
      )
      const [after] = server.promises.values()
      return { response, messages, after }
    },
  }
}
