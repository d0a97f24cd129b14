// The smallest process that could be a worker: opens its input and says that it is there.
import { writeSync } from 'node:fs'
import { Socket } from 'node:net'

new Socket({ fd: 3 }).on('data', () => undefined)
writeSync(4, '.')
