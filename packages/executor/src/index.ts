/** The Executor contract and the output pump of a Capsule worker. */
export { type CellEngine, type CellRunner, type CellRunnerOptions, createCellRunner, type Task } from './cell-runner.ts'
export { chooseRoute, type ExecutorRoute, type RouteChoice } from './choose-route.ts'
export type { DisplayBuiltin, DisplayHandle, DisplayOptions, DisplayRenderers, Displays } from './displays.ts'
export { executorErrors } from './errors.ts'
export type { Executor, ExecutorAbilities, ExecutorMessage, ExecutorSink, ExecutorStats } from './executor.ts'
export {
  createHostRequests,
  type HostRequestMessage,
  type HostRequests,
  type HostRequestsOptions,
} from './host-requests.ts'
export type { InputOptions, InputRequests } from './input-requests.ts'
export { installOutputCapture, type OutputCaptureOptions } from './output-capture.ts'
export {
  createOutputPump,
  type DroppedOutput,
  type OrderedMessage,
  type OutputPump,
  type OutputPumpOptions,
  type OutputPumpSettings,
  type UncountedTerminal,
  type WriteOutcome,
} from './output-pump.ts'
export type { EachOptions, ProgressBuiltin, ProgressReports } from './progress-reports.ts'
export { createShowing, type ShowingOptions } from './showing.ts'
export { droppedTerminal } from './terminal.ts'
