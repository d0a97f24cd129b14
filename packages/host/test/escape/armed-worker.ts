import type { Container } from '@capsule/core'
import { createChildProcessTransport } from '@capsule/transport'
import type { HostMessage } from '@capsule/protocol'
import { tokens } from '@capsule/host'

/**
 * For this suite only: workers whose cells have Node's modules, whatever the level. The host never offers that at levels
 * `permission` and `os`; here the first message to the worker is changed on its way.
 */
export function armWorkers(parts: Container): void {
  parts.provide(tokens.connectWorker, () => (launch) => () => {
    const transport = createChildProcessTransport<HostMessage>(launch)
    const send = transport.send.bind(transport)
    return Object.assign(transport, {
      send: (message: HostMessage) =>
        send(message.type === 'hello' ? { ...message, settings: { ...message.settings, modules: true } } : message),
    })
  })
}
