import type { CellMode, Route } from '@capsule/protocol'
import { executorErrors } from './errors.ts'

/** An executor as a route names it. */
export type ExecutorRoute = Exclude<Route, 'auto'>

export interface RouteChoice {
  readonly mode: CellMode
  /** What the caller asked for. @defaultValue 'auto' */
  readonly route?: Route | undefined
  readonly available: readonly ExecutorRoute[]
  /** The executor for cells that may block or whose mode is unknown (`WorkerSettings.route`). @defaultValue 'auto': threaded */
  readonly preferred?: Route | undefined
}

/**
 * Which executor runs a cell: as pinned, else `async` for a cell that awaits and `threaded` for one that may block,
 * else the other one where that is missing.
 * @throws ROUTE_UNAVAILABLE when the pinned executor, or any, is missing
 */
export function chooseRoute({ mode, route = 'auto', available, preferred = 'auto' }: RouteChoice): ExecutorRoute {
  if (route !== 'auto') {
    if (!available.includes(route)) throw executorErrors.ROUTE_UNAVAILABLE({ route, available })
    return route
  }
  const wanted = routeOf(mode, preferred)
  const chosen = available.includes(wanted) ? wanted : available[0]
  if (chosen === undefined) throw executorErrors.ROUTE_UNAVAILABLE({ route, available })
  return chosen
}

function routeOf(mode: CellMode, preferred: Route): ExecutorRoute {
  switch (mode) {
    case 'top-level-await':
    case 'async':
      return 'async'
    case 'blocking':
    case 'simple':
    case 'unknown':
      return preferred === 'auto' ? 'threaded' : preferred
  }
}
