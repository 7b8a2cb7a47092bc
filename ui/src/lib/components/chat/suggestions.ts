// Which questions an empty chat offers: those that the model of the chat can answer. It knows models by what the catalogue
// says of them and reads a name only where the catalogue says nothing, as of files and services.

export type Suggestions = 'guide' | 'general' | 'reasoning' | 'code';

export function suggestionsFor(id: string, name: string, family: string | undefined): Suggestions {
  if (family === 'guide') return 'guide';
  const words = `${id} ${name}`.toLowerCase();
  if (/code/.test(words)) return 'code';
  return /\br1\b|reason|think|qwq/.test(words) ? 'reasoning' : 'general';
}
