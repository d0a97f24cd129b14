// control characters, line and paragraph separators, and what turns the direction of text: they forge lines and hide words
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const unreadable = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g

/** One line that shows what it holds, for people who decide and for logs. */
export function readableText(text: string): string {
  return text.replace(unreadable, (character) => {
    if (character === '\n') return '\\n'
    return `\\u{${character.charCodeAt(0).toString(16)}}`
  })
}
