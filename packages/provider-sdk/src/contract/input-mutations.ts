import { type HostileValue, hostileNumbers, hostileObjects, hostileTexts, hostileValues } from './hostile-values.ts'

type JsonSchema = Readonly<Record<string, unknown>>
type Input = Readonly<Record<string, unknown>>

export interface Mutation {
  readonly label: string
  readonly input: unknown
}

const isRecord = (value: unknown): value is JsonSchema =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The fields that a JSON Schema tells of. */
export function propertiesOf({ properties }: JsonSchema): Readonly<Record<string, JsonSchema>> {
  return isRecord(properties) ? (properties as Record<string, JsonSchema>) : {}
}

/** What is wrong by the capability's own JSON Schema, made of an input that is right. */
export function* wrongInputs(schema: JsonSchema, input: Input): Generator<Mutation, void> {
  if (schema['type'] !== 'object') return
  const others = hostileValues().filter(
    ({ value }) => Array.isArray(value) || typeof value !== 'object' || value === null,
  )
  for (const { label, value } of others) yield { label, input: value }
  const required = Array.isArray(schema['required']) ? (schema['required'] as string[]) : []
  for (const name of required)
    yield { label: `no ${name}`, input: Object.fromEntries(Object.entries(input).filter(([key]) => key !== name)) }
  if (schema['additionalProperties'] === false)
    for (const name of ['unknownField', '__proto__', 'constructor', 'toString'].filter(
      (key) => !Object.hasOwn(propertiesOf(schema), key),
    ))
      yield { label: `a field ${name}`, input: withField(input, name, { polluted: true }) }
  for (const [name, property] of Object.entries(propertiesOf(schema)))
    for (const { label, value } of wrongValues(property))
      yield { label: `${name}: ${label}`, input: withField(input, name, value) }
}

/** What its JSON Schema may admit, made of an input that is right: each field with hostile values. */
export function* hostileInputs(
  schema: JsonSchema,
  input: Input,
): Generator<Mutation & { readonly input: Input }, void> {
  for (const [name, { type }] of Object.entries(propertiesOf(schema))) {
    const isText = type === 'string'
    const isNumber = type === 'number' || type === 'integer'
    const values = isText
      ? hostileTexts
      : isNumber
        ? hostileNumbers
        : [...hostileObjects(), ...hostileTexts.slice(0, 12)]
    for (const { label, value } of values) yield { label: `${name}: ${label}`, input: withField(input, name, value) }
  }
}

/** Not by assignment, which a field named __proto__ would turn into another thing. */
function withField(input: Input, name: string, value: unknown): Input {
  return Object.fromEntries([...Object.entries(input).filter(([key]) => key !== name), [name, value]])
}

function* wrongValues(property: JsonSchema): Generator<HostileValue, void> {
  const { type, maxLength, maximum, minimum, maxItems } = property as Record<string, number | undefined>
  const scalars: unknown[] = ['string', 'number', 'integer', 'boolean']
  if (scalars.includes(type)) yield { label: 'an object', value: { polluted: true } }
  if (scalars.includes(type)) yield { label: 'an array', value: [['a']] }
  if (property['type'] === 'array' || property['type'] === 'object') yield { label: 'a number', value: 5 }
  if (typeof maxLength === 'number' && maxLength < 1e6) yield { label: 'too long', value: 'x'.repeat(maxLength + 1) }
  if (typeof maximum === 'number' && maximum < 2 ** 53 - 1) yield { label: 'too large', value: maximum + 1 }
  if (typeof minimum === 'number' && minimum > 1 - 2 ** 53) yield { label: 'too small', value: minimum - 1 }
  if (typeof maxItems === 'number' && maxItems < 1e6)
    yield { label: 'too many', value: Array.from({ length: maxItems + 1 }, () => 'a') }
  if (Array.isArray(property['enum'])) yield { label: 'none of its values', value: 'no-such-value' }
}
