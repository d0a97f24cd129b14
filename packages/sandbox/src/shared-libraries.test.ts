import { realpathSync } from 'node:fs'
import { expect, it } from 'vitest'
import { parseLdd } from './ldd-output.ts'
import { sharedLibraries } from './shared-libraries.ts'

it('reads what glibc prints', () => {
  const text = `	linux-vdso.so.1 (0x00007fff9f9d7000)
	libdl.so.2 => /lib/x86_64-linux-gnu/libdl.so.2 (0x00007f3b1c9d2000)
	libodd.so => /opt/with blank/lib=>odd.so (0x00007f3b1c9d2000)
	libgone.so => not found
	/lib64/ld-linux-x86-64.so.2 (0x00007f3b1c9f0000)
`
  expect(parseLdd(text)).toEqual([
    '/lib/x86_64-linux-gnu/libdl.so.2',
    '/opt/with blank/lib=>odd.so',
    '/lib64/ld-linux-x86-64.so.2',
  ])
})

it('reads what musl prints', () => {
  const text = `	/lib/ld-musl-x86_64.so.1 (0x7f6a5b1f6000)
	libstdc++.so.6 => /usr/lib/libstdc++.so.6 (0x7f6a55e0e000)
	libc.musl-x86_64.so.1 => /lib/ld-musl-x86_64.so.1 (0x7f6a5b1f6000)
`
  expect(parseLdd(text)).toEqual(['/lib/ld-musl-x86_64.so.1', '/usr/lib/libstdc++.so.6', '/lib/ld-musl-x86_64.so.1'])
})

it.runIf(process.platform === 'linux')('finds the C library and the loader of this Node', async () => {
  const libraries = await sharedLibraries(realpathSync(process.execPath))
  const paths = libraries.map(({ path }) => path).join(' ')
  expect(paths).toMatch(/libc\.|musl/)
  expect(paths).toMatch(/\/ld-/)
  for (const { path, realPath } of libraries) expect(realPath).toBe(realpathSync(path))
})

it('rejects for what is no program', async () => {
  await expect(sharedLibraries('/etc/passwd')).rejects.toThrow('ldd')
})
