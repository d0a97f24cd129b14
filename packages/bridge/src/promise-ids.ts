import { hash } from 'node:crypto'
import { bridgeErrors } from './errors.ts'

const part = /^[A-Za-z0-9_-]{1,128}$/

/** The ids of the promises of one namespace. Each tells what it stands for, and no two things share one. */
export interface PromiseIds {
  /** `{namespace}-exec-{key}` @throws KEY_INVALID */
  execution(key: string): string
  /** The n-th question, from 1. */
  input(key: string, n: number): string
  call(key: string, callKey: string): string
  /** The n-th try to run the cell, from 1. */
  attempt(key: string, n: number): string
  /** The k-th lease of an attempt, from 0. */
  lease(key: string, n: number, k: number): string
}

/** @throws KEY_INVALID */
export function createPromiseIds(namespace: string): PromiseIds {
  // otherwise `a` with `exec-b` and `a-exec` with `b` would be one
  if (!part.test(namespace) || namespace.includes('-exec-') || namespace.endsWith('-exec')) {
    throw bridgeErrors.KEY_INVALID({ what: 'a namespace', key: namespace })
  }
  const execution = (key: string): string => {
    // `undefined` and 5 would become text that matches
    if (typeof key !== 'string' || !part.test(key)) {
      throw bridgeErrors.KEY_INVALID({ what: 'the id of an execution', key: String(key) })
    }
    return `${namespace}-exec-${key}`
  }
  return {
    execution,
    input: (key, n) => `${execution(key)}:input.${n}`,
    call: (key, callKey) => `${execution(key)}:call.${callPart(callKey)}`,
    attempt: (key, n) => `${execution(key)}:attempt.${n}`,
    lease: (key, n, k) => `${execution(key)}:attempt.${n}.${k}`,
  }
}

/** The keys of calls are made by cells, of any characters: those that are no part, or look like a hash, are hashed. */
function callPart(callKey: string): string {
  const isPlain = part.test(callKey) && !callKey.startsWith('sha256-')
  // as JSON: bytes alone have no lone surrogates, and would make several keys one
  return isPlain ? callKey : `sha256-${hash('sha256', JSON.stringify(callKey), 'base64url')}`
}
