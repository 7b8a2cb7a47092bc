// How often each expert of each layer was chosen for the tokens of one answer. Flat numbers, because a large
// model has 58 layers of 256 experts and the picture of them is drawn while the answer is written.
import type { ExpertLayers } from '$lib/ipc/bindings';

export class ExpertCounts {
  /** The index of each layer with experts. */
  layers: readonly number[] = [];
  /** Experts in a layer. */
  experts = 0;
  /** Tokens that told their experts. */
  tokens = 0;
  /** Layer after layer, expert after expert. */
  counts = new Uint32Array(0);
  /** All choices of each layer. */
  chosen = new Uint32Array(0);

  /** Takes the shape that the server names. */
  shape({ layers, n_routed_experts }: ExpertLayers): void {
    this.#widen(Math.max(layers.length, this.layers.length), Math.max(n_routed_experts, this.experts));
    if (layers.length === this.layers.length) this.layers = layers;
  }

  /**
   * One token, by layer. A server that names no shape is taken at its experts: the highest id is the last
   * one.
   */
  add(chosen: readonly (readonly number[])[]): void {
    if (chosen.length === 0) return;
    let highest = this.experts - 1;
    for (const layer of chosen) for (const expert of layer) if (expert > highest) highest = expert;
    this.#widen(Math.max(chosen.length, this.layers.length), highest + 1);
    chosen.forEach((layer, at) => {
      for (const expert of layer) {
        const cell = at * this.experts + expert;
        this.counts[cell] = (this.counts[cell] ?? 0) + 1;
      }
      this.chosen[at] = (this.chosen[at] ?? 0) + layer.length;
    });
    this.tokens += 1;
  }

  /** What each expert of a layer would do if all did the same. */
  evenShare(at: number): number {
    return this.experts > 0 ? (this.chosen[at] ?? 0) / this.experts : 0;
  }

  #widen(layers: number, experts: number): void {
    if (layers === this.layers.length && experts === this.experts) return;
    const counts = new Uint32Array(layers * experts);
    for (let at = 0; at < this.layers.length; at += 1)
      counts.set(this.counts.subarray(at * this.experts, (at + 1) * this.experts), at * experts);
    const chosen = new Uint32Array(layers);
    chosen.set(this.chosen);
    if (layers !== this.layers.length) this.layers = Array.from({ length: layers }, (_, at) => at);
    this.counts = counts;
    this.chosen = chosen;
    this.experts = experts;
  }
}
