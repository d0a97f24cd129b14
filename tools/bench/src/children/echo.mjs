// Sends every byte back: fd 3 in, fd 4 out, as the worker does it (events in, one blocking write out).
import { writeSync } from 'node:fs'
import { Socket } from 'node:net'

new Socket({ fd: 3 }).on('data', (chunk) => {
  for (let at = 0; at < chunk.length;) at += writeSync(4, chunk, at)
})
