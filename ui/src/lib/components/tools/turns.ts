// An answer with calls of tools, in the order in which it was written. Pure.

/**
 * What was written up to some calls, or after the last of them: what was thought, then what was said, then
 * the calls.
 */
export type Turn<Call> = { reasoning: string; text: string; calls: Call[] };

type Placed = { text_before: number; reasoning_before: number };

/**
 * The parts of an answer between its calls. Calls at the same place are one group. The places are UTF-16 code
 * units, as the positions of a string are here.
 */
export function turnsOf<Call extends Placed>(
  text: string,
  reasoning: string,
  calls: readonly Call[],
): Turn<Call>[] {
  const turns: Turn<Call>[] = [];
  let [textEnd, reasoningEnd] = [0, 0];
  for (const call of calls) {
    const last = turns.at(-1);
    if (last && call.text_before <= textEnd && call.reasoning_before <= reasoningEnd) {
      last.calls.push(call);
      continue;
    }
    turns.push({
      reasoning: reasoning.slice(reasoningEnd, call.reasoning_before),
      text: text.slice(textEnd, call.text_before),
      calls: [call],
    });
    textEnd = Math.max(textEnd, call.text_before);
    reasoningEnd = Math.max(reasoningEnd, call.reasoning_before);
  }
  turns.push({ reasoning: reasoning.slice(reasoningEnd), text: text.slice(textEnd), calls: [] });
  return turns;
}
