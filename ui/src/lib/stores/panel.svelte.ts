// Which side of the chat's panel was looked at last. Kept as long as the window is open.

class Panel {
  tab = $state<'style' | 'inside'>('style');
}

export const panel = new Panel();
