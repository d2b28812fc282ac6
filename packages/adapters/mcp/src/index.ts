export { currentPermit, type GuardOptions, guardTools } from './guard.ts';
export {
  createPresenter,
  type Presenter,
  type PresenterOptions,
  type ToolCall,
} from './presenter.ts';
export { DENIAL_KEY, type DeniedCall, deniedCall, PRESENTATION_KEY } from './wire.ts';
