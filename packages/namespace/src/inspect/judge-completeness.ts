import { type Token, tokenizer, tokTypes } from 'acorn'

export type Completeness = 'complete' | 'incomplete' | 'invalid'

/**
 * Whether `code` is a whole cell, lacks its end, or is wrong.
 * @param parse throws when the code is not a cell
 */
export function judgeCompleteness(code: string, parse: (code: string) => void): Completeness {
  const accepts = (text: string): boolean => {
    try {
      parse(text)
      return true
    } catch {
      return false
    }
  }
  if (accepts(code)) return 'complete'
  const missing = missingEnd(code)
  if (typeof missing === 'string') return missing
  // if some end would make it a cell, it is the end that is missing
  const { closers } = missing
  const inner = ['', '\n_', '\n{}', ':_', '\n_:_', ';;', '(){}', '\nwhile(0)', "\nfrom 'x'", '\ncatch{}']
  const endings = inner.flatMap((text) => (closers === '' ? [text] : [text + closers, `${text}${closers}{}`]))
  return endings.some((ending) => accepts(code + ending)) ? 'incomplete' : 'invalid'
}

/** What closes the brackets that are open at the end of the text, unless the tokens already decide. */
function missingEnd(code: string): { readonly closers: string } | 'incomplete' | 'invalid' {
  const open: string[] = []
  try {
    for (const token of tokenizer(code, { ecmaVersion: 'latest', allowHashBang: true })) {
      if (!follows(token, open)) return 'invalid'
    }
  } catch (error) {
    const message = String((error as { message?: unknown }).message)
    if (/^Unterminated (?:template|comment)/.test(message)) return 'incomplete'
    // a backslash at the end lets a string go on in the next line
    if (message.startsWith('Unterminated string')) return /\\\s*$/.test(code) ? 'incomplete' : 'invalid'
    // no token of JavaScript: what was open before it still is
  }
  return { closers: open.toReversed().join('') }
}

function follows({ type }: Token, open: string[]): boolean {
  switch (type) {
    case tokTypes.parenL:
      open.push(')')
      return true
    case tokTypes.bracketL:
      open.push(']')
      return true
    case tokTypes.braceL:
    case tokTypes.dollarBraceL:
      open.push('}')
      return true
    case tokTypes.backQuote:
      if (open.at(-1) === '`') open.pop()
      else open.push('`')
      return true
    case tokTypes.parenR:
      return open.pop() === ')'
    case tokTypes.bracketR:
      return open.pop() === ']'
    case tokTypes.braceR:
      return open.pop() === '}'
    default:
      return true
  }
}
