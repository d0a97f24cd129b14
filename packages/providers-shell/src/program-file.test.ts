import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { openProgramFile } from './program-file.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'capsule-program-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
})

function write(name: string, content: string | Uint8Array, mode = 0o755): string {
  const path = join(directory, name)
  writeFileSync(path, content)
  chmodSync(path, mode)
  return path
}

it('takes programs and scripts, and keeps the path that they are called by', () => {
  const script = write('script', '#!/bin/sh\n')
  expect(openProgramFile(script)).toMatchObject({ path: script })
  const link = join(directory, 'node')
  symlinkSync(process.execPath, link)
  expect(openProgramFile(link)).toMatchObject({ path: link, realPath: openProgramFile(process.execPath).realPath })
})

it('refuses what is none, above all what the C library would give to a shell', () => {
  expect(() => openProgramFile(join(directory, 'missing'))).toThrow(/ENOENT/)
  expect(() => openProgramFile(write('text', 'echo hello\n'))).toThrow(/begins with #!/)
  expect(() => openProgramFile(write('empty', ''))).toThrow(/begins with #!/)
  expect(() => openProgramFile(directory)).toThrow('must be a file')
  expect(() => openProgramFile(write('closed', '#!/bin/sh\n', 0o644))).toThrow(/EACCES/)
})

it('sees that it is another file, content or path', () => {
  const change = (name: string, make: (path: string) => void): boolean => {
    const path = write(name, '#!/bin/sh\nexit 0\n')
    utimesSync(path, 1, 1)
    const program = openProgramFile(path)
    expect(program.isUnchanged()).toBe(true)
    make(path)
    return !program.isUnchanged()
  }
  expect(change('rewritten', (path) => writeFileSync(path, '#!/bin/sh\nexit 1\n'))).toBe(true)
  expect(change('removed', (path) => rmSync(path))).toBe(true)
  expect(change('closed', (path) => chmodSync(path, 0o600))).toBe(true)
  expect(
    change('replaced', (path) => {
      const other = write('other', '#!/bin/sh\nexit 0\n')
      utimesSync(other, 1, 1)
      renameSync(other, path)
    }),
  ).toBe(true)
  expect(
    change('moved', (path) => {
      mkdirSync(join(directory, 'elsewhere'))
      renameSync(path, join(directory, 'elsewhere/moved'))
      symlinkSync(join(directory, 'elsewhere/moved'), path)
    }),
  ).toBe(true)
  expect(change('same', () => {})).toBe(false)
})
