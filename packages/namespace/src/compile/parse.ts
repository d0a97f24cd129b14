import { Parser, type Program } from 'acorn'

/**
 * A script in which `await`, `import`, `export` and `import.meta` may stand at the top.
 * @throws SyntaxError of acorn, with `pos` and `loc`
 */
export function parseCell(source: string): Program {
  const program = Parser.parse(source, {
    ecmaVersion: 'latest',
    sourceType: 'script',
    allowAwaitOutsideFunction: true,
    allowImportExportEverywhere: true,
    allowHashBang: true,
  })
  return program
}
