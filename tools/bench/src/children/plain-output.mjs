// Prints argv[2] lines with console.log on fd 4, as a script would on its stdout.
import { Console } from 'node:console'
import { Socket } from 'node:net'

const { log } = new Console(new Socket({ fd: 4, readable: false }))
const line = 'x'.repeat(20)
for (let i = Number(process.argv[2]); i > 0; i--) log(line)
