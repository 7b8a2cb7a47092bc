/// <reference types="svelte" />
/// <reference types="vite/client" />
// The words of assets/messages, by code and language. That they are there for every code is tested in crates/messages.
declare module 'virtual:error-words' {
  const words: import('./lib/errors/words').Catalogue;
  export default words;
}
declare module 'virtual:plan-words' {
  const words: Partial<Record<string, Record<import('./lib/i18n/language').Lang, string>>>;
  export default words;
}
// The words of the page: ./lib/i18n/messages.ts is their type.
declare module 'virtual:page-words' {
  const words: import('./lib/i18n/words').Words;
  export default words;
}
