import type { Place } from '../distribution-options.ts'

// ids have no ':', which Resonate reads as a lineage; lengths keep names with dashes apart
const part = (name: string): string => `${name.length}-${name}`

/** The worker group of Resonate that the hosts of a group are in. */
export const workerGroup = (namespace: string, group: string): string => `${namespace}-${group}`
/** Where dispatchers are: they look after the hosts they wait for. No group has it: theirs have a dash, and namespaces have none. */
export const dispatcherGroup = (namespace: string): string => namespace

export function executionPromise(namespace: string, { group, host }: Place, id: string): string {
  return `${namespace}-exec-${part(group)}-${part(host ?? '')}-${id}`
}

/** One for each attempt of an execution. It is the promise of no execution, whatever that one's id ends in. */
export function attemptPromise(namespace: string, execution: string, attempt: number): string {
  return `${namespace}-attempt-${attempt}-${execution}`
}

/** Pending for as long as the host lives. */
export function hostPromise(namespace: string, group: string, host: string): string {
  return `${namespace}-host-${part(group)}-${host}`
}

/** One host of the group, or whichever of them. */
export function targetOf(namespace: string, { group, host }: Place): string {
  const workers = workerGroup(namespace, group)
  return host === undefined ? `poll://any@${workers}` : `poll://uni@${workers}/${host}`
}

/** What a promise with a task must carry. */
export function taskTags(id: string, target: string): Record<string, string> {
  return {
    'resonate:origin': id,
    'resonate:branch': id,
    'resonate:parent': id,
    'resonate:scope': 'global',
    'resonate:target': target,
    // without it nobody can wait for it
    'resonate:external': 'true',
  }
}
