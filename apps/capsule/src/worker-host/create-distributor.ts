import type { ExecutionDistributor } from '@capsule/bridge'
import type { Logger } from '@capsule/core'
import type { WorkerHostCommand } from './worker-host-arguments.ts'

/** The engine that the command line names; only its adapter is loaded. @throws INVALID_OPTIONS */
export async function createDistributor(command: WorkerHostCommand, logger: Logger): Promise<ExecutionDistributor> {
  const token = process.env['CAPSULE_ENGINE_TOKEN']
  // at level none cells see this environment
  delete process.env['CAPSULE_ENGINE_TOKEN']
  const common = { logger, ...(token !== undefined && { token }) }
  switch (command.engine) {
    case 'restate':
      return createRestate(command, common)
    case 'resonate':
      return createResonate(command, common)
  }
}

interface CommonOptions {
  readonly logger: Logger
  readonly token?: string
}

async function createRestate(command: WorkerHostCommand, common: CommonOptions): Promise<ExecutionDistributor> {
  const { createRestateDistributor } = await import('@capsule/bridge/restate')
  const { url, adminUrl, groupPort, groupUrl, bindAddress, advertisedAddress, identityKeys } = command
  return createRestateDistributor({
    ...common,
    ...(url !== undefined && { ingressUrl: url }),
    ...(adminUrl !== undefined && { adminUrl }),
    endpoint: {
      identityKeys,
      ...(groupPort !== undefined && { groupPort }),
      ...(groupUrl !== undefined && { groupUrl }),
      ...(bindAddress !== undefined && { bindAddress }),
      ...(advertisedAddress !== undefined && { advertisedAddress }),
    },
  })
}

async function createResonate({ url }: WorkerHostCommand, common: CommonOptions): Promise<ExecutionDistributor> {
  const { createResonateDistributor } = await import('@capsule/bridge/resonate')
  return createResonateDistributor({ ...common, ...(url !== undefined && { url }) })
}
