import * as z from 'zod'
import { formatFilePath, parseFilePath, type PathRules } from './file-path.ts'

/** The field `path` of every input: what comes out is what policies see, and has one spelling for each file. */
export function filePathSchema(rules: PathRules): z.ZodType<string, string> {
  const roots = rules.rootNames.map((name) => `${name}:/`).join(', ')
  return z
    .string()
    .transform((text, context) => {
      const parsed = parseFilePath(text, rules)
      if ('path' in parsed) return formatFilePath(parsed.path)
      context.addIssue({ code: 'custom', message: parsed.problem, input: text })
      return z.NEVER
    })
    .meta({ description: `A path such as ${rules.rootNames[0] ?? 'root'}:/directory/file. Roots: ${roots}` })
}
