import type { Measurement } from './bench.ts'
import type { Verdict } from './targets.ts'

export interface RunInfo {
  readonly node: string
  readonly cpu: string
  readonly cores: number
  /** The machine's load average when the run began: what else it was doing. */
  readonly load: number
  readonly isQuick: boolean
}

export function formatValue(value: number, unit: string): string {
  const digits = Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 100 ? 1 : 2
  return `${value.toLocaleString('en', { maximumFractionDigits: digits, minimumFractionDigits: 0 })} ${unit}`
}

const verdictRow = ({ target, measurement, isMet }: Verdict): string => {
  const goal = `${target.at === 'most' ? '<=' : '>='} ${formatValue(target.value, measurement.unit)}`
  return `| ${measurement.title} | ${goal} | ${formatValue(measurement.value, measurement.unit)} | ${isMet ? 'met' : '**missed**'} |`
}

const measurementRow = ({ title, value, unit, samples, note }: Measurement): string =>
  `| ${title} | ${formatValue(value, unit)} | ${samples} | ${note ?? ''} |`

/** The generated part of docs/performance.md. */
export function renderMarkdown(
  info: RunInfo,
  measurements: readonly Measurement[],
  verdicts: readonly Verdict[],
): string {
  return `Node ${info.node}, ${info.cpu}, ${info.cores} cores, load average ${info.load.toFixed(1)} when the run began (with other work beside it, what crosses
processes reads worse than it is). Medians over alternating rounds; a ratio is the median of the ratios within each round.

### Targets

| measured | goal | here | |
|---|---|---|---|
${verdicts.map(verdictRow).join('\n')}

### Everything

| measured | here | samples | |
|---|---|---|---|
${measurements.map(measurementRow).join('\n')}
`
}

const markers = ['<!-- bench: begin -->', '<!-- bench: end -->'] as const

/** Puts the generated part between the markers of a page and leaves the rest as it is. */
export function insertBetweenMarkers(page: string, text: string): string {
  const [begin, end] = markers
  const from = page.indexOf(begin)
  const to = page.indexOf(end)
  if (from === -1 || to < from) throw new Error(`the page has no ${begin} ... ${end}`)
  return `${page.slice(0, from + begin.length)}\n${text}${page.slice(to)}`
}
