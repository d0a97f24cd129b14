// A node:repl server on fd 3 and fd 4.
import { Socket } from 'node:net'
import { start } from 'node:repl'

start({
  prompt: '> ',
  input: new Socket({ fd: 3 }),
  output: new Socket({ fd: 4, readable: false }),
  terminal: false,
  useGlobal: true,
})
