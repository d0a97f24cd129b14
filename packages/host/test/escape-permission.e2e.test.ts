import { describeEscapes } from './escape/describe-escapes.ts'

await describeEscapes('permission')
