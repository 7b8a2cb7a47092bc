/// <reference types="svelte" />
/// <reference types="vite/client" />
declare module 'virtual:error-words' {
  const words: unknown;
  export default words;
}
declare module 'virtual:plan-words' {
  const words: unknown;
  export default words;
}
