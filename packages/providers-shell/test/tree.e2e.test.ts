import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { createFakeClock, waitFor } from '@capsule/testing'
import { argv, literal, pattern, shellErrors, text } from '@capsule/providers-shell'
import { type Clock, coreErrors, systemClock } from '@capsule/core'
import { describe, expect, it, onTestFinished } from 'vitest'
import { anyArguments, hasNamespaces, openShell, type OpenShell } from './open-shell.ts'
import { findProcesses, isThere, type ProcessWatch, watchProcesses } from './process-watch.ts'

const deadlineMs = 10_000
const fixture = join(import.meta.dirname, 'fixtures/daemon-tree.fixture.mjs')
const isLinux = process.platform === 'linux'

const timeoutMs = 60_000

function openTree(treeKill: 'namespace' | 'group', clock: Clock = systemClock): OpenShell {
  const args = argv([literal(fixture), pattern(/\/.*/), text()])
  return openShell({ commands: { tree: { path: process.execPath, args, timeoutMs } }, treeKill, clock })
}

const callOf = ({ socketPath }: ProcessWatch, environment = 'clear') => ({
  command: 'tree',
  args: [fixture, socketPath, environment],
})

/** Resolves to what is there of the tree then, bubblewrap and the first process of the namespace among it. */
async function bothAreUp({ came, socketPath }: ProcessWatch): Promise<ReturnType<typeof findProcesses>> {
  await came.waitForCount(2, { deadlineMs, what: 'the tree to be up' })
  expect(came.values.toSorted()).toEqual(['daemon', 'main'])
  return findProcesses(socketPath)
}

/** Not after a while: at once, and without a dead one that nobody has waited for. */
function expectNoneLeft({ socketPath }: ProcessWatch, tree: ReturnType<typeof findProcesses>): void {
  expect(findProcesses(socketPath)).toEqual([])
  expect(tree.filter(isThere)).toEqual([])
}

describe.skipIf(!hasNamespaces)('a tree that hides, in a namespace', () => {
  it('is really there before it is ended', async () => {
    const watch = await watchProcesses()
    const result = openTree('namespace').run(callOf(watch))
    const tree = await bothAreUp(watch)
    expect(tree.map(({ line }) => /^\S*bwrap|^\S*timeout|daemon $/.exec(line)?.[0] ?? 'main').toSorted()).toEqual([
      expect.stringMatching(/bwrap$/),
      expect.stringMatching(/timeout$/),
      'daemon ',
      'main',
    ])
    watch.dismiss('main')
    await result
  })

  it('is gone when its main process ends by itself', async () => {
    const watch = await watchProcesses()
    const result = openTree('namespace').run(callOf(watch))
    const tree = await bothAreUp(watch)
    watch.dismiss('main')
    expect(await waitFor(result, { deadlineMs })).toMatchObject({ exitCode: 0 })
    expectNoneLeft(watch, tree)
    await watch.left.waitForCount(2)
  })

  it('is gone when its time is up', async () => {
    const watch = await watchProcesses()
    const clock = createFakeClock()
    const result = openTree('namespace', clock).run(callOf(watch))
    result.catch(() => undefined)
    const tree = await bothAreUp(watch)
    clock.advance(timeoutMs)
    const error = await waitFor(result, { deadlineMs }).catch((reason: unknown) => reason)
    expectNoneLeft(watch, tree)
    expect(shellErrors.SHELL_TIMED_OUT.is(error)).toBe(true)
  })

  it('is gone when the call is aborted', async () => {
    const watch = await watchProcesses()
    const cell = new AbortController()
    const result = openTree('namespace').run(callOf(watch), { signal: cell.signal })
    result.catch(() => undefined)
    const tree = await bothAreUp(watch)
    cell.abort(new Error('the cell was cancelled'))
    const error = await waitFor(result, { deadlineMs }).catch((reason: unknown) => reason)
    expectNoneLeft(watch, tree)
    expect(coreErrors.CANCELLED.is(error)).toBe(true)
  })

  it('is gone when the call is aborted at once', async () => {
    const watch = await watchProcesses()
    const opened = openTree('namespace')
    // at several moments of the start: before, within and after bubblewrap has made the namespace
    for (let turns = 0; turns < 12; turns++) {
      const cell = new AbortController()
      const result = opened.run(callOf(watch), { signal: cell.signal }).catch((reason: unknown) => reason)
      for (let turn = 0; turn < turns * turns; turn++) await new Promise(setImmediate)
      cell.abort()
      expect(coreErrors.CANCELLED.is(await waitFor(result, { deadlineMs }))).toBe(true)
      expectNoneLeft(watch, [])
    }
  })

  // without the rights of root the namespace is within a user namespace
  it.skipIf(process.getuid?.() !== 0)('is gone also as another user', async () => {
    // unique, and a number of seconds
    const mark = `600.${randomInt(1e12)}`
    const commands = { sh: { path: '/bin/sh', args: anyArguments, timeoutMs } }
    const { start } = openShell({ commands, treeKill: 'namespace', uid: 65534, gid: 65534 })
    const hide = `(setsid env -i /bin/sleep ${mark} </dev/null >/dev/null 2>&1 &); echo up; exec sleep 600`
    const events = await start({ command: 'sh', args: ['-c', hide] })
    expect(await waitFor(events.next(), { deadlineMs })).toMatchObject({ value: { text: 'up\n' } })
    const tree = findProcesses(mark)
    expect(tree.length).toBeGreaterThan(1)
    await waitFor(events.return!(), { deadlineMs })
    expect(findProcesses(mark)).toEqual([])
    expect(tree.filter(isThere)).toEqual([])
  })

  it('is gone when the reader leaves the stream', async () => {
    const watch = await watchProcesses()
    const events = await openTree('namespace').start(callOf(watch))
    const tree = await bothAreUp(watch)
    await waitFor(events.return!(), { deadlineMs })
    expectNoneLeft(watch, tree)
    expect(await events.next()).toEqual({ done: true, value: undefined })
  })

  it('is gone when the provider is disposed', async () => {
    const watch = await watchProcesses()
    const opened = openTree('namespace')
    const result = opened.run(callOf(watch)).catch((reason: unknown) => reason)
    const tree = await bothAreUp(watch)
    await waitFor(opened.dispose(), { deadlineMs })
    expectNoneLeft(watch, tree)
    expect(coreErrors.CANCELLED.is(await result)).toBe(true)
    await expect(opened.run(callOf(watch))).rejects.toMatchObject({ code: 'CANCELLED' })
  })
})

describe.skipIf(!isLinux)('a tree that hides, in a group', () => {
  it('is gone as long as it keeps its environment', async () => {
    const watch = await watchProcesses()
    const result = openTree('group').run(callOf(watch, 'keep'))
    await bothAreUp(watch)
    watch.dismiss('main')
    expect(await waitFor(result, { deadlineMs })).toMatchObject({ exitCode: 0, signal: null })
    await watch.left.waitForCount(2, { deadlineMs, what: 'the end of the daemon' })
  })

  it('is gone when its time is up, as long as it keeps its environment', async () => {
    const watch = await watchProcesses()
    const clock = createFakeClock()
    const result = openTree('group', clock).run(callOf(watch, 'keep'))
    result.catch(() => undefined)
    await bothAreUp(watch)
    clock.advance(timeoutMs)
    await expect(result).rejects.toMatchObject({ code: 'SHELL_TIMED_OUT' })
    await watch.left.waitForCount(2, { deadlineMs, what: 'the end of the daemon' })
  })

  // what the README says of 'group', and why 'namespace' is the default
  it('stays when it clears its environment', async () => {
    const watch = await watchProcesses()
    const result = openTree('group').run(callOf(watch, 'clear'))
    await bothAreUp(watch)
    watch.dismiss('main')
    await waitFor(result, { deadlineMs })
    expect(findProcesses(watch.socketPath)).toHaveLength(1)
    watch.dismiss('daemon')
    await watch.left.waitForCount(2, { deadlineMs })
  })
})

describe.skipIf(!isLinux)('a host that is killed', () => {
  it.each([
    { treeKill: 'namespace', environment: 'clear', leaving: ['daemon', 'main'], isHere: hasNamespaces },
    // only the main process is tied to the host
    { treeKill: 'group', environment: 'keep', leaving: ['main'], isHere: isLinux },
  ])('takes its commands with it: $treeKill', async ({ treeKill, environment, leaving, isHere }) => {
    if (!isHere) return console.warn(`SKIPPED: a host that is killed: ${treeKill}`)
    const watch = await watchProcesses()
    const script = join(import.meta.dirname, 'fixtures/shell-host.fixture.ts')
    const call = JSON.stringify(callOf(watch, environment))
    const host = spawn(process.execPath, ['--conditions=@capsule/source', '--no-warnings', script, treeKill, call], {
      // what a killed host leaves goes with it
      env: { TMPDIR: dirname(watch.socketPath) },
      stdio: 'inherit',
    })
    onTestFinished(() => void host.kill('SIGKILL'))
    await bothAreUp(watch)
    expect(watch.left.values).toEqual([])
    host.kill('SIGKILL')
    await once(host, 'exit')
    await watch.left.waitForCount(leaving.length, { deadlineMs, what: `the end of ${leaving.join(' and ')}` })
    expect(watch.left.values.toSorted()).toEqual(leaving)
    watch.dismiss('daemon')
    await watch.left.waitForCount(2, { deadlineMs })
  })
})
