import type { CompiledCell, CompileOptions } from './compile/compile.ts'

export function compileCell(source: string, { language }: CompileOptions): CompiledCell {
  const isAsync = /\bawait\b/.test(source)
  return {
    code: isAsync ? `(async () => ({ v: await (${source}) }))()` : source,
    isAsync,
    mode: isAsync ? 'top-level-await' : 'simple',
    language: language === 'auto' ? 'js' : language,
    declarations: [],
    toSource: (line, column) => ({ line, column }),
  }
}
