import type * as z from 'zod'

/** What can be known of the fields of a schema without trying it. */
export interface KnownFields {
  readonly names: ReadonlySet<string>
  /** Nothing else reaches the handler. */
  readonly isClosed: boolean
  /** The schema of a field, where one object says it. */
  readonly fields: Readonly<Record<string, z.core.$ZodType>>
  /** It can be an object at all. */
  readonly isObject: boolean
}

const anything: KnownFields = { names: new Set(), isClosed: false, fields: {}, isObject: true }
const wrappers: ReadonlySet<string> = new Set([
  'optional',
  'default',
  'prefault',
  'nonoptional',
  'readonly',
  'nullable',
  'catch',
])
const neverObjects: ReadonlySet<string> = new Set(
  `string number int boolean bigint symbol null undefined void never nan literal enum array tuple date set
  template_literal file promise function`.split(/\s+/),
)
// levels of schemas; one that holds itself goes on for ever
const deepest = 8

/** Of the input side: what a cell sends. */
export function knownFields(schema: z.core.$ZodType, level = 0): KnownFields {
  const { def } = (schema as z.core.$ZodTypes)._zod
  const inner = (next: z.core.$ZodType): KnownFields => (level < deepest ? knownFields(next, level + 1) : anything)
  if (wrappers.has(def.type)) return inner((def as z.core.$ZodOptionalDef).innerType)
  switch (def.type) {
    case 'object':
      return fieldsOfObject(def)
    case 'union':
      return either(def.options.map(inner))
    case 'intersection':
      return both(inner(def.left), inner(def.right))
    case 'pipe':
      return inner(def.in)
    case 'lazy':
      return inner(def.getter())
    default:
      return neverObjects.has(def.type) ? { ...anything, isObject: false } : anything
  }
}

function fieldsOfObject({ shape, catchall }: z.core.$ZodObjectDef): KnownFields {
  // without one, fields that are not known are stripped
  const isClosed = catchall === undefined || catchall._zod.def.type === 'never'
  return { names: new Set(Object.keys(shape)), isClosed, fields: shape, isObject: true }
}

function either(options: readonly KnownFields[]): KnownFields {
  const objects = options.filter(({ isObject }) => isObject)
  return {
    names: new Set(objects.flatMap(({ names }) => [...names])),
    isClosed: objects.every(({ isClosed }) => isClosed),
    // which option a call means is not known
    fields: {},
    isObject: objects.length > 0,
  }
}

function both(left: KnownFields, right: KnownFields): KnownFields {
  return {
    names: new Set([...left.names, ...right.names]),
    isClosed: left.isClosed && right.isClosed,
    fields: { ...left.fields, ...right.fields },
    isObject: left.isObject && right.isObject,
  }
}
