import { filesErrors } from '../errors.ts'
import { openDescriptorRoot } from './descriptor-root.ts'
import { openRealpathRoot } from './realpath-root.ts'
import type { Confinement, Root, RootRules } from './root.ts'

/** The strongest confinement of this platform, or the one asked for. @throws FILES_CONFINEMENT_UNAVAILABLE */
export function chooseConfinement(asked: Confinement | 'auto', platform: NodeJS.Platform): Confinement {
  if (asked === 'realpath') return asked
  if (platform === 'linux') return 'descriptors'
  if (asked === 'auto') return 'realpath'
  throw filesErrors.FILES_CONFINEMENT_UNAVAILABLE({
    reason: `confinement by descriptors needs Linux, and this is ${platform}`,
  })
}

export function openRoot(name: string, hostPath: string, rules: RootRules, confinement: Confinement): Root {
  const open = { descriptors: openDescriptorRoot, realpath: openRealpathRoot }[confinement]
  return open(name, hostPath, rules)
}
