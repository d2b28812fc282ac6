export type { ApprovalUrl } from './approval-notice.ts';
export { createPresenter, type Presenter } from './client.ts';
export { definitionsOf, type ListedTool } from './definitions.ts';
export type { GuardOptions } from './guard.ts';
export type { Holding, PresentationMeta, PresenterOptions, ToolCall } from './presenter.ts';
export { currentPermit } from './run.ts';
export { guardTools } from './v2.ts';
export {
  DENIAL_KEY,
  type DeniedCall,
  deniedCall,
  PRESENTATION_KEY,
  type RequestedApproval,
  STAPLE_KEY,
} from './wire.ts';
