import { globSync, readFileSync } from 'node:fs'
import { createRequire, stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const repository = join(import.meta.dirname, '..')
const { parse } = createRequire(join(repository, 'packages/namespace/package.json'))('acorn') as {
  parse: (code: string, options: object) => unknown
}

/** Every repetition driven by time that the packages may have: what waits for something waits for its event. */
const allowed: Readonly<Record<string, string>> = {
  'packages/bridge/src/distribution/resonate/held-leases.ts: #schedule re-arms setTimer': 'leases are renewed',
  'packages/bridge/src/distribution/resonate/task-offers.ts: #schedule re-arms setTimer':
    'paced: nobody tells a full host that another has a place',
  'packages/bridge/src/distribution/restate/attempt-journal.ts: showLifeDuring loops over sleep': 'heartbeats',
  'packages/bridge/src/distribution/restate/restate-host.ts: moveDoor re-arms setTimer':
    'nobody tells that a port is free again',
  'packages/bridge/src/distribution/restate/run-restate-execution.ts: runRestateExecution loops over sleep':
    'the backoff between attempts',
  'packages/bridge/src/durable/attempts.ts: #ownerGone loops over sleep': 'a lease that ended may have a successor',
  'packages/bridge/src/durable/lease.ts: #renew re-arms setTimer': 'heartbeats: a lease is renewed before it ends',
  'packages/bridge/src/retrying-store.ts: persistently loops over sleep': 'the backoff between retries',
  'packages/bridge/src/stores/alarm.ts: set re-arms setTimer': 'one timer for the earliest of many deadlines',
  'packages/bridge/src/stores/postgres/postgres-listener.ts: retry re-arms setTimer': 'the backoff between connections',
  'packages/bridge/src/stores/resonate/event-stream.ts: reconnect re-arms setTimer': 'the backoff between connections',
  'packages/core/src/clock.ts: arm re-arms setTimeout': 'a delay beyond 2^31 ms, in pieces',
  'packages/executor/src/pump.ts: #watchDrain re-arms setTimer': 'a deadline that progress moves',
  'packages/executor-threaded/src/cancel-ladder.ts: climb re-arms setTimer': 'V8 may miss one terminate',
  'packages/executor-threaded/src/cancel-ladder.ts: tryUnblock re-arms setTimer': 'V8 may miss one terminate',
  'packages/namespace/src/cell-timers.ts: value calls setInterval': 'the interval of a cell',
  'packages/pool/src/health-checks.ts: #arm re-arms setTimer': 'a worker that hangs while idle says nothing',
  'packages/pool/src/idle-sessions.ts: #changed re-arms setTimer': 'one timer for the session that ends first',
  'packages/pool/src/session-pool.ts: #refuse re-arms setTimer': 'the next probe of an open breaker',
  'packages/providers-http/src/exchange.ts: send loops over sleep': 'the backoff between retries',
  'packages/sandbox/src/watchdog.ts: #watch re-arms setTimer': 'the kernel tells nobody how much a process uses',
  'packages/transport/src/rate-limiter.ts: #serve loops over setTimer': 'one timer for the first that must wait',
  'packages/transport/src/slab-sink.ts: #writeAll loops over wait':
    'a blocking write that got EAGAIN has no event to wait for',
  'packages/worker/src/control-loop.ts: #scheduleHeartbeat re-arms setTimer': 'heartbeats',
}

const skipped = /\.test\.ts$|\/contract\/|-contract\.ts$|^packages\/testing\//
const delays = new Set(['setTimer', 'setTimeout', 'setInterval', 'setImmediate', 'scheduleImmediate', 'sleep', 'wait'])
const loops = new Set(['ForStatement', 'ForOfStatement', 'WhileStatement', 'DoWhileStatement'])

interface Node {
  readonly type: string
  readonly [field: string]: unknown
}
const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
const childrenOf = (node: Node): Node[] => Object.values(node).flat().filter(isNode)
const within = (node: Node): Node[] => [node, ...childrenOf(node).flatMap(within)]

function nameOf(value: unknown): string | undefined {
  if (!isNode(value)) return undefined
  if (value.type === 'Identifier') return value['name'] as string
  if (value.type === 'PrivateIdentifier') return `#${value['name'] as string}`
  return value.type === 'MemberExpression' ? nameOf(value['property']) : undefined
}

/** What may be a function of the same file: plain names, and methods of `this`. */
function mentionsIn(node: Node): string[] {
  if (node.type !== 'MemberExpression') return [nameOf(node) ?? childrenOf(node).map(mentionsIn)].flat(2)
  const object = node['object'] as Node
  return object.type === 'ThisExpression' ? [nameOf(node) ?? []].flat() : mentionsIn(object)
}

/** The name that a node gives to the function it holds. */
function functionNameOf(node: Node): string | undefined {
  const held = node['init'] ?? node['value']
  const isHolder = isNode(held) && /Function/.test(held.type)
  return node.type === 'FunctionDeclaration' || isHolder ? nameOf(node['id'] ?? node['key']) : undefined
}

/** A call that lets time pass; a `wait` of Atomics does when it has a timeout. */
function delayOf(node: Node): string | undefined {
  const name = node.type === 'CallExpression' ? nameOf(node['callee']) : undefined
  if (name === undefined || !delays.has(name)) return undefined
  return name === 'wait' && (node['arguments'] as Node[]).length < 4 ? undefined : name
}

function repetitionsIn(code: string): string[] {
  const root = parse(stripTypeScriptTypes(code), { ecmaVersion: 'latest', sourceType: 'module' }) as Node
  const mentions = new Map<string, string[]>()
  for (const node of within(root)) {
    const name = functionNameOf(node)
    if (name !== undefined) mentions.set(name, childrenOf(node).flatMap(mentionsIn))
  }
  /** Directly, or by one function in between: further on, equal names of different things lead everywhere. */
  const leadsTo = (names: readonly string[], goal: string): boolean =>
    [...names, ...names.flatMap((name) => mentions.get(name) ?? [])].includes(goal)
  const found = new Set<string>()
  const visit = (node: Node, enclosing: string, isLooping: boolean): void => {
    const owner = functionNameOf(node) ?? enclosing
    const delay = delayOf(node)
    if (delay === 'setInterval') found.add(`${owner} calls setInterval`)
    else if (delay !== undefined && isLooping) found.add(`${owner} loops over ${delay}`)
    else if (delay !== undefined) {
      const called = (node['arguments'] as Node[]).flatMap(mentionsIn)
      if (leadsTo(called, owner)) found.add(`${owner} re-arms ${delay}`)
    }
    for (const child of childrenOf(node)) visit(child, owner, isLooping || loops.has(node.type))
  }
  visit(root, 'the module', false)
  return [...found]
}

it('knows a repetition when it sees one', () => {
  expect(repetitionsIn('function a() { setInterval(f, 5) }')).toEqual(['a calls setInterval'])
  expect(repetitionsIn('async function b() { while (!done()) await sleep(clock, 5) }')).toEqual(['b loops over sleep'])
  expect(repetitionsIn('const c = async () => { for (;;) await new Promise((go) => setTimeout(go)) }')).toHaveLength(1)
  expect(repetitionsIn('class D { #d() { this.clock.setTimer(5, () => this.#e()) } #e() { this.#d() } }')).toEqual([
    '#d re-arms setTimer',
  ])
  expect(repetitionsIn('function once() { setTimeout(f, 5); wait(words, 0, 0) } function f() {}')).toEqual([])
})

it('has no polling in the packages', () => {
  const files = globSync('packages/*/src/**/*.ts', { cwd: repository }).filter((file) => !skipped.test(file))
  expect(files.length).toBeGreaterThan(100)
  const found = files.flatMap((file) =>
    repetitionsIn(readFileSync(join(repository, file), 'utf8')).map((repetition) => `${file}: ${repetition}`),
  )
  expect(found.sort()).toEqual(Object.keys(allowed).sort())
})
