/// <reference types="svelte" />
/// <reference types="vite/client" />
declare module 'virtual:error-words' {
  const words: unknown;
  export default words;
}
