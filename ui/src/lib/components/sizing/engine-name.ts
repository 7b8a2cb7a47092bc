// The name of an engine as its makers write it, where only its code is known.
const NAMES: Partial<Record<string, string>> = { sglang: 'SGLang', vllm: 'vLLM' };

export const engineName = (engine: string): string => NAMES[engine] ?? engine;
