import { defineErrors } from '@capsule/core'

export const namespaceErrors = defineErrors({
  ENGINE_EXISTS: {
    message: ({ name }: { name: string }) => `this realm already has an engine (the global ${name})`,
    cause: 'Cells share `globalThis` with the engine, so one realm holds one engine at a time.',
    next: 'Dispose the first engine, or run the second in another process.',
  },
  ENGINE_DISPOSED: {
    message: ({ executionId }: { executionId: string }) =>
      `execution ${executionId} came after the engine was disposed`,
    cause: 'A cell was given to an engine after it had been disposed.',
    next: 'Create a new engine.',
  },
  UNKNOWN_EXECUTION: {
    message: ({ executionId }: { executionId: string }) => `execution ${executionId} was not prepared, or has finished`,
    cause: 'The engine was asked to start an execution that it does not hold.',
    next: 'Call `prepare` once before `start`, and `finish` last.',
  },
  MODULES_UNAVAILABLE: {
    message: ({ specifier }: { specifier: string }) =>
      `cells of this session have no modules (asked for '${specifier}')`,
    cause: 'The session was started without `modules`, or at an isolation level that has none.',
    next: "Use what the session grants under `caps`; or start trusted code at level 'none' or 'process' with `modules: true`.",
  },
  RESERVED_NAME: {
    message: ({ name }: { name: string }) => `'${name}' is reserved for Capsule and cannot be declared`,
    cause: 'A cell declares the global that its own rewritten code calls.',
    next: 'Choose another name.',
  },
  GLOBAL_FIXED: {
    message: (_details: Record<string, never> = {}) => 'a cell has made globalThis not extensible',
    cause: 'A cell called `Object.preventExtensions(globalThis)` or the like, which cannot be undone.',
    next: 'Restart the session.',
  },
})
