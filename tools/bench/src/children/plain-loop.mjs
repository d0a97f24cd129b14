// Runs the file argv[2] in the global scope of a fresh process, and reports its value: what a cell is compared with.
import { readFileSync, writeSync } from 'node:fs'
import { runInThisContext } from 'node:vm'

writeSync(4, `${runInThisContext(readFileSync(process.argv[2], 'utf8'))}\n`)
