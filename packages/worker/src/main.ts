import { parseArgs } from 'node:util'
import { runAsyncWorker } from './async-worker.ts'
import { runThreadedWorker } from './threaded-worker.ts'

// the process's main thread: it runs the cells
const { values } = parseArgs({ options: { executor: { type: 'string', default: 'threaded' } } })
if (values.executor === 'async') runAsyncWorker()
else runThreadedWorker()
