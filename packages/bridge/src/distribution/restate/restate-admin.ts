import type { AbortOptions } from '@capsule/core'
import * as z from 'zod'
import { bridgeErrors } from '../../errors.ts'
import { reasonOf } from '../host-answer.ts'
import { authorization, type ResolvedRestateOptions } from './restate-options.ts'

const requestTimeoutMs = 30_000
const registeredSchema = z.object({ id: z.string(), services: z.array(z.object({ name: z.string() })) })

interface AdminRequest {
  readonly method: 'POST' | 'DELETE'
  readonly headers?: Record<string, string>
  readonly body?: string
}

interface RequestParts extends AbortOptions {
  readonly action: string
}

/** The part of Restate's admin API that says where services are. */
export class RestateAdmin {
  readonly #options: Pick<ResolvedRestateOptions, 'adminUrl' | 'token'>

  constructor(options: Pick<ResolvedRestateOptions, 'adminUrl' | 'token'>) {
    this.#options = options
  }

  /** Tells the server that this service is at that URL; resolves to the deployment's id. @throws DISTRIBUTOR_UNAVAILABLE */
  async register(service: string, url: string, options: AbortOptions = {}): Promise<string> {
    const action = `register ${service} at ${url}`
    // a URL that is known is asked again what it serves only by force; what runs there is not touched by it
    const body = { uri: url, force: false, use_http_11: true }
    const { id, services } = await this.#post('/deployments', body, { action, ...options })
    if (services.some(({ name }) => name === service)) return id
    throw unavailable(
      action,
      `${services.map(({ name }) => name).join(', ')} is there: each group needs its own address`,
    )
  }

  /** What still waits for the deployment ends with it. @throws DISTRIBUTOR_UNAVAILABLE */
  async unregister(deploymentId: string): Promise<void> {
    const action = `remove ${deploymentId}`
    const response = await this.#send(`/deployments/${deploymentId}?force=true`, { method: 'DELETE' }, { action })
    if (!response.ok && response.status !== 404) throw unavailable(action, await failureOf(response))
  }

  async #post(path: string, body: object, parts: RequestParts): Promise<z.output<typeof registeredSchema>> {
    const headers = { 'content-type': 'application/json' }
    const response = await this.#send(path, { method: 'POST', headers, body: JSON.stringify(body) }, parts)
    const { action } = parts
    if (!response.ok) throw unavailable(action, await failureOf(response))
    // any server may stand at a wrong URL
    const { success, data } = registeredSchema.safeParse(await response.json().catch(() => undefined))
    if (!success) throw unavailable(action, 'what answered is not the admin API of Restate')
    return data
  }

  async #send(path: string, init: AdminRequest, { action, signal: given }: RequestParts): Promise<Response> {
    const { adminUrl, token } = this.#options
    const headers = { ...init.headers, ...authorization(token) }
    const timeout = AbortSignal.timeout(requestTimeoutMs)
    const signal = given === undefined ? timeout : AbortSignal.any([timeout, given])
    try {
      return await fetch(`${adminUrl}${path}`, { ...init, headers, signal })
    } catch (error) {
      const reason = error instanceof Error && error.cause !== undefined ? reasonOf(error.cause) : reasonOf(error)
      throw unavailable(action, reason, { cause: error })
    }
  }
}

function unavailable(action: string, reason: string, options?: ErrorOptions): Error {
  return bridgeErrors.DISTRIBUTOR_UNAVAILABLE({ distributor: 'restate', action, reason }, options)
}

async function failureOf(response: Response): Promise<string> {
  return `status ${response.status}: ${(await response.text()).slice(0, 500)}`
}
