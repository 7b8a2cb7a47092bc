// The error catalogue of this build, and the guard that turns anything thrown into an error the page can show.
import catalogue from 'virtual:error-words';
import type { ErrorView } from '$lib/ipc/bindings';

export { catalogue };

/** Whether another place to compute helps. */
export const isOfCard = (error: ErrorView): boolean => error.code.startsWith('card_');

export function asError(thrown: unknown): ErrorView {
  if (typeof thrown === 'object' && thrown !== null && 'code' in thrown && 'message' in thrown) {
    const error = thrown as ErrorView;
    return { code: error.code, message: error.message, detail: error.detail ?? {} };
  }
  return { code: 'internal', message: String(thrown), detail: {} };
}
