// What the page may ask of the app: the generated commands, with callbacks in place of their channels. Every method
// rejects with an `ErrorView`. Says nothing about how the question travels: tauri.ts does for the app, ui/mock/host.ts
// for tests of the page.
import type {
  AnswerEvent,
  AppEvent,
  commands,
  CompareEvent,
  CompareRequest,
  EvaluationEvent,
  EvaluationRequest,
  SendRequest,
} from './bindings';

type Commands = Omit<
  typeof commands,
  'answerStart' | 'answerFollow' | 'compareStart' | 'evaluationStart' | 'eventsSubscribe'
>;

export interface Host extends Commands {
  /** Resolves when the app took the request; the answer arrives through `onEvent` until a terminal event. */
  answerStart(request: SendRequest, onEvent: (event: AnswerEvent) => void): Promise<null>;
  /** For a page that was loaded again: what an answer has so far, then its events. Resolves with false when none is being written. */
  answerFollow(chatId: string, onEvent: (event: AnswerEvent) => void): Promise<boolean>;
  /** Resolves when both sides are on their way; the answers arrive through `onEvent` until each side had its last. */
  compareStart(request: CompareRequest, onEvent: (event: CompareEvent) => void): Promise<null>;
  /** Resolves when the evaluation is on its way; its progress and its end arrive through `onEvent`. */
  evaluationStart(request: EvaluationRequest, onEvent: (event: EvaluationEvent) => void): Promise<null>;
  /** Calls back for every event of the app from now on. */
  onEvent(callback: (event: AppEvent) => void): Promise<void>;
}
