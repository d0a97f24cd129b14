import { expect, it } from 'vitest'
import { mountFlags } from './namespace-mounts.ts'

const command = (path: string, realPath: string, writable = '/srv/root') => ({
  argv: [path] as const,
  realPath,
  cwd: writable,
  writable,
})
const boundBy = (flags: readonly string[]): string[] =>
  flags.flatMap((flag, at) => (flag.endsWith('bind') ? [`${flag} ${flags[at + 1]} ${flags[at + 2]}`] : []))

it('mounts what is within another after it', () => {
  const flags = mountFlags(
    { readOnly: ['/srv/root/vendor', '/srv', '/tmp/cache'] },
    command('/srv/root/bin/x', '/srv/root/bin/x'),
  )
  expect(boundBy(flags)).toEqual([
    '--ro-bind /srv /srv',
    '--bind /srv/root /srv/root',
    '--ro-bind /tmp/cache /tmp/cache',
    '--ro-bind /srv/root/vendor /srv/root/vendor',
  ])
  expect(flags.indexOf('--tmpfs')).toBeLessThan(flags.indexOf('/tmp/cache'))
})

it('shows the program where nothing else does', () => {
  const of = (path: string, realPath: string) =>
    boundBy(mountFlags({ readOnly: ['/usr'] }, command(path, realPath))).filter((bind) => !/\/usr |root/.test(bind))
  expect(of('/usr/bin/git', '/usr/lib/git')).toEqual([])
  expect(of('/opt/tool', '/opt/v1/tool')).toEqual(['--ro-bind /opt/v1/tool /opt/tool'])
  expect(of('/usr/bin/tool', '/opt/v1/tool')).toEqual(['--ro-bind /opt/v1/tool /opt/v1/tool'])
})
