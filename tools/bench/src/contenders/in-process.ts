import type { Contender } from '../contender.ts'
import { importPeer } from '../peers.ts'

interface IsolatedVm {
  readonly default: { readonly Isolate: new () => Isolate }
}
interface Isolate {
  createContext(): Promise<{ eval(code: string): Promise<unknown> }>
  dispose(): void
}

/** Another V8 isolate in this process, on its own thread; nothing of Node in it. */
export async function startIsolatedVm(): Promise<Contender> {
  const { default: ivm } = await importPeer<IsolatedVm>('isolated-vm', 'isolated-vm.js')
  const isolate = new ivm.Isolate()
  const context = await isolate.createContext()
  return {
    name: 'isolated-vm (in process)',
    evaluate: (code) => context.eval(code),
    async [Symbol.asyncDispose]() {
      isolate.dispose()
    },
  }
}

interface QuickJs {
  readonly getQuickJS: () => Promise<{ newContext(): QuickJsContext }>
}
interface QuickJsContext {
  evalCode(code: string): unknown
  unwrapResult(result: unknown): { dispose(): void }
  dump(handle: unknown): unknown
  dispose(): void
}

/** Another engine, in WebAssembly, on the caller's own thread. */
export async function startQuickJs(): Promise<Contender> {
  const { getQuickJS } = await importPeer<QuickJs>('quickjs-emscripten', 'dist/index.mjs')
  const quickJs = await getQuickJS()
  const context = quickJs.newContext()
  return {
    name: 'quickjs-emscripten (in process)',
    async evaluate(code) {
      const handle = context.unwrapResult(context.evalCode(code))
      const value = context.dump(handle)
      handle.dispose()
      return value
    },
    async [Symbol.asyncDispose]() {
      context.dispose()
    },
  }
}
