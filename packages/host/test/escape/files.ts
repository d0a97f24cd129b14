import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { type CellAttack, quoted, type Shot, stoppedFrom } from './attack.ts'

const stage = ({ lab }: Shot) => lab.stage
const readsSecret = (expression: string, { lab }: Shot): string =>
  `return String(${expression}).includes(${quoted(lab.stage.secret)})`
const hasWritten = ({ path }: Shot): boolean => existsSync(path)

export const fileAttacks: readonly CellAttack[] = [
  {
    id: 'files/read',
    title: 'reads a file that every user of the machine may read',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: (shot) => readsSecret(`(await mod('fs')).readFileSync(${quoted(stage(shot).secretFile)}, 'utf8')`, shot),
  },
  {
    id: 'files/read-system',
    title: 'reads /etc/passwd',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: () => `return (await mod('fs')).readFileSync('/etc/passwd', 'utf8').includes(':')`,
  },
  {
    id: 'files/read-promises',
    title: 'reads a file through fs.promises',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: (shot) =>
      readsSecret(`await (await mod('fs/promises')).readFile(${quoted(stage(shot).secretFile)}, 'utf8')`, shot),
  },
  {
    id: 'files/read-by-stdin-class',
    title: 'reads a file by the class of process.stdin, without modules',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: (shot) => `let text = ''
for await (const chunk of new process.stdin.constructor(${quoted(stage(shot).secretFile)})) text += chunk
${readsSecret('text', shot)}`,
  },
  {
    id: 'files/load-env-file',
    title: 'reads a file by process.loadEnvFile(), without modules',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: (shot) => `process.loadEnvFile(${quoted(stage(shot).envFile)})
${readsSecret('process.env.ESCAPED', shot)}`,
  },
  {
    id: 'files/read-blob',
    title: 'reads a file by fs.openAsBlob()',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: (shot) =>
      readsSecret(`await (await (await mod('fs')).openAsBlob(${quoted(stage(shot).secretFile)})).text()`, shot),
  },
  {
    id: 'files/read-buffer-path',
    title: 'reads a file whose path is given as bytes',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: (shot) => readsSecret(`(await mod('fs')).readFileSync(Buffer.from(${quoted(stage(shot).secretFile)}))`, shot),
  },
  {
    id: 'files/read-traversal',
    title: 'reads a file by a path that leads up from the file of the worker',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: (shot) => {
      const path = quoted(stage(shot).secretFile)
      return readsSecret(
        `(await mod('fs')).readFileSync(process.argv[1].replace(/[^/]+$/, '') + '/..'.repeat(20) + ${path})`,
        shot,
      )
    },
  },
  {
    id: 'files/read-proc-root',
    title: 'reads a file through /proc/self/root',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: (shot) =>
      readsSecret(`(await mod('fs')).readFileSync('/proc/self/root' + ${quoted(stage(shot).secretFile)})`, shot),
  },
  {
    id: 'files/read-link',
    title: 'reads a file through a symbolic link',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: (shot) => readsSecret(`(await mod('fs')).readFileSync(${quoted(stage(shot).linkToSecret)})`, shot),
  },
  {
    id: 'files/make-link',
    title: 'makes a symbolic link in its own directory and reads a file through it',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: (shot) => `const fs = await mod('fs')
const link = './link-' + Math.random()
fs.symlinkSync(${quoted(stage(shot).secretFile)}, link)
try { ${readsSecret('fs.readFileSync(link)', shot)} } finally { fs.unlinkSync(link) }`,
  },
  {
    id: 'files/copy',
    title: 'copies a file to where it may write',
    expected: stoppedFrom('permission'),
    control: 'process',
    evidence: hasWritten,
    cell: (shot) => `(await mod('fs')).copyFileSync(${quoted(stage(shot).secretFile)}, ${quoted(shot.path)})`,
  },
  {
    id: 'files/list',
    title: 'lists a directory',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: (shot) => `return (await mod('fs')).readdirSync(${quoted(stage(shot).directory)}).includes('secret.txt')`,
  },
  {
    id: 'files/stat',
    title: 'learns the size of a file',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: (shot) =>
      `return (await mod('fs')).statSync(${quoted(stage(shot).secretFile)}).size === ${stage(shot).secret.length}`,
  },
  {
    id: 'files/realpath-oracle',
    title: 'learns by fs.realpathSync.native() where a link leads',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: (shot) =>
      `return (await mod('fs')).realpathSync.native(${quoted(stage(shot).linkToSecret)}) === ${quoted(stage(shot).secretFile)}`,
  },
  {
    id: 'files/watch',
    title: 'watches a directory',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: (shot) => `(await mod('fs')).watch(${quoted(stage(shot).directory)}).close(); return true`,
  },
  {
    id: 'files/load-code',
    title: 'loads a file of the machine as a module',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: (shot) =>
      `return (await import(${quoted(`file://${stage(shot).moduleFile}`)})).default === ${quoted(stage(shot).secret)}`,
  },
  {
    id: 'files/load-json',
    title: 'reads a JSON file by import()',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: (shot) =>
      readsSecret(
        `(await import(${quoted(`file://${stage(shot).jsonFile}`)}, { with: { type: 'json' } })).default.secret`,
        shot,
      ),
  },
  {
    id: 'files/sqlite-read',
    title: 'reads a database by node:sqlite, which does not ask the permission model',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: (shot) => `const { DatabaseSync } = await mod('sqlite')
const database = new DatabaseSync(${quoted(stage(shot).databaseFile)}, { readOnly: true })
${readsSecret(`database.prepare('select value from secrets').get().value`, shot)}`,
  },
  {
    id: 'files/sqlite-write',
    title: 'writes a file by node:sqlite',
    expected: stoppedFrom('permission'),
    control: 'process',
    evidence: hasWritten,
    cell: ({ path }) => `const { DatabaseSync } = await mod('sqlite')
new DatabaseSync(${quoted(path)}).exec('create table t (a)')`,
  },
  {
    id: 'files/write',
    title: 'writes a file where every user of the machine may write',
    expected: stoppedFrom('permission'),
    control: 'process',
    evidence: hasWritten,
    cell: ({ path }) => `(await mod('fs')).writeFileSync(${quoted(path)}, 'written')`,
  },
  {
    id: 'files/write-by-stdin-class',
    title: 'creates a file by the class of process.stdin, without modules',
    expected: stoppedFrom('permission'),
    control: 'process',
    evidence: hasWritten,
    cell: ({ path }) => `for await (const _ of new process.stdin.constructor(${quoted(path)}, { flags: 'w+' })) ;`,
  },
  {
    id: 'files/write-report',
    title: 'writes a file by process.report, without modules',
    expected: stoppedFrom('permission'),
    control: 'process',
    evidence: hasWritten,
    cell: ({ path }) => `process.report.writeReport(${quoted(path)})`,
  },
  {
    id: 'files/write-heap-snapshot',
    title: 'writes a file by v8.writeHeapSnapshot()',
    expected: stoppedFrom('permission'),
    control: 'process',
    evidence: hasWritten,
    cell: ({ path }) => `(await mod('v8')).writeHeapSnapshot(${quoted(path)})`,
  },
  {
    id: 'files/write-by-v8-flags',
    title: 'makes V8 write a file by v8.setFlagsFromString()',
    expected: stoppedFrom('permission'),
    control: 'process',
    alone: true,
    evidence: hasWritten,
    cell: ({ path }) => `const v8 = await mod('v8')
for (const flag of ['cfg-file=${path}', 'path=/nowhere', '']) v8.setFlagsFromString('--trace-turbo' + (flag && '-' + flag))
const hot = new Function('n', 'let sum = 0; for (let i = 0; i < n; i++) sum += i % 7; return sum')
for (let i = 0; i < 300; i++) hot(100_000)
v8.setFlagsFromString('--no-trace-turbo')`,
  },
  {
    id: 'files/write-compile-cache',
    title: 'makes Node write its compile cache into a directory',
    expected: stoppedFrom('permission'),
    control: 'process',
    alone: true,
    evidence: ({ path }) => existsSync(path) && readdirSync(path).length > 0,
    cell: ({ path }) => `(await mod('module')).enableCompileCache(${quoted(path)})`,
  },
  {
    id: 'files/overwrite',
    title: 'changes a file that is there',
    expected: stoppedFrom('permission'),
    control: 'process',
    evidence: (shot) => readFileSync(stage(shot).writableFile, 'utf8') === stage(shot).writableFile + shot.path,
    cell: (shot) => {
      const file = quoted(stage(shot).writableFile)
      return `(await mod('fs')).writeFileSync(${file}, ${file} + ${quoted(shot.path)}, { flag: 'r+' })`
    },
  },
  {
    id: 'files/wasi',
    title: 'has a WASI with / opened for it',
    expected: stoppedFrom('permission', { 'os-alone': 'hygiene' }),
    control: 'process',
    cell: () => `const { WASI } = await mod('wasi')
const wasi = new WASI({ version: 'preview1', preopens: { '/': '/' } })
return typeof wasi.wasiImport.path_open === 'function'`,
    note: 'Alone, the system does not keep WASI from being made; it then sees what the worker sees.',
  },
  {
    id: 'files/own-directory',
    title: 'writes into the directory that it was started in',
    expected: stoppedFrom('permission', { 'os-alone': 'hygiene' }),
    control: 'process',
    cell: () => `const fs = await mod('fs')
fs.writeFileSync('./kept', 'x')
fs.unlinkSync('./kept')
return true`,
    note: 'At level `os` that directory is 64 MiB of memory, seen by nobody else.',
  },
]
