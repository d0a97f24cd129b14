// Node hands NODE_V8_COVERAGE on to every child, also to one with an explicit environment, and the child then writes what
// it ran when it exits. It is set here, in the process that runs the tests and after its start, so that this process
// itself is left to Vitest's own coverage.
const folder = process.env['CAPSULE_CHILD_COVERAGE']
if (folder !== undefined) process.env['NODE_V8_COVERAGE'] = folder
