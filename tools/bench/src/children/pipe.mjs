// Moves bytes over bare pipes. Each line on fd 3 is a number: that many bytes follow it there, or, when it is negative, are
// wanted on fd 4. What was received is answered with one byte.
import { Socket } from 'node:net'

const input = new Socket({ fd: 3, readable: true, writable: false })
const output = new Socket({ fd: 4, readable: false, writable: true })
const chunk = Buffer.alloc(1024 * 1024)
let expected = 0
let line = ''

function send(rest) {
  while (rest > 0) {
    const part = rest < chunk.length ? chunk.subarray(0, rest) : chunk
    rest -= part.length
    if (!output.write(part)) return void output.once('drain', () => send(rest))
  }
}

input.on('data', (data) => {
  let at = 0
  while (at < data.length) {
    if (expected > 0) {
      const taken = Math.min(expected, data.length - at)
      expected -= taken
      at += taken
      if (expected === 0) output.write('.')
      continue
    }
    const end = data.indexOf(10, at)
    line += data.toString('latin1', at, end === -1 ? data.length : end)
    at = end === -1 ? data.length : end + 1
    if (end === -1) continue
    const count = Number(line)
    line = ''
    if (count > 0) expected = count
    else send(-count)
  }
})
