// Chats that are dragged from the list to a folder. The kind keeps files and texts that are dragged about apart.
const KIND = 'application/x-whaledeck-chats';

export const bringsChats = (event: DragEvent): boolean => event.dataTransfer?.types.includes(KIND) === true;

export function dragChats(event: DragEvent, ids: readonly string[]): void {
  if (!event.dataTransfer) return;
  event.dataTransfer.setData(KIND, JSON.stringify(ids));
  event.dataTransfer.effectAllowed = 'move';
}

/** The ids of the chats; none where something else was dropped. */
export function droppedChats(event: DragEvent): string[] {
  if (!bringsChats(event)) return [];
  const ids: unknown = JSON.parse(event.dataTransfer?.getData(KIND) ?? '[]');
  return Array.isArray(ids) ? ids.filter((id) => typeof id === 'string') : [];
}
