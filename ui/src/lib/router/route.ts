// Addresses of the pages, as they stand after the # of the window. Pure: reads and writes strings only.

const SECTIONS = ['clouds', 'connect', 'prompts', 'tools'] as const;
/** A part of the settings with an address of its own. */
export type Section = (typeof SECTIONS)[number];

export type Route =
  | { page: 'welcome' }
  /** `message` and `find`: opened at this message, with these words marked. `folder`: where a new chat begins. */
  | {
      page: 'chat';
      id: string | null;
      model: string | null;
      message?: string;
      find?: string;
      folder?: string;
    }
  | { page: 'models' }
  | { page: 'deployments' }
  | { page: 'hardware' }
  | { page: 'compare' }
  | { page: 'how' }
  | { page: 'sizing'; model: string | null }
  | { page: 'settings'; section?: Section };

function decode(part: string): string | null {
  try {
    return decodeURIComponent(part) || null;
  } catch {
    return null;
  }
}

export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [page = '', rest = ''] = path.split('/');
  switch (page) {
    case 'welcome':
    case 'models':
    case 'deployments':
    case 'hardware':
    case 'compare':
    case 'how':
      return { page };
    case 'sizing':
      return { page, model: decode(rest) };
    case 'settings':
      return sectionOf(rest);
    default:
      return chatOf(page === 'chat' ? decode(rest) : null, new URLSearchParams(query));
  }
}

function sectionOf(rest: string): Route {
  const section = SECTIONS.find((one) => one === rest);
  return section === undefined ? { page: 'settings' } : { page: 'settings', section };
}

function chatOf(id: string | null, query: URLSearchParams): Route {
  const [model, message, find] = [query.get('model'), query.get('message'), query.get('find')];
  const folder = id === null ? query.get('folder') : null;
  return {
    page: 'chat',
    id,
    model,
    ...(message === null ? {} : { message }),
    ...(find === null ? {} : { find }),
    ...(folder === null ? {} : { folder }),
  };
}

export function hrefOf(route: Route): string {
  if (route.page === 'settings' && route.section) return `#/settings/${route.section}`;
  if (route.page === 'sizing')
    return route.model === null ? '#/sizing' : `#/sizing/${encodeURIComponent(route.model)}`;
  if (route.page !== 'chat') return `#/${route.page}`;
  const place =
    route.id === null
      ? { model: route.model ?? undefined, folder: route.folder }
      : { message: route.message, find: route.find };
  const query = Object.entries(place)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`]))
    .join('&');
  const path = route.id === null ? '#/chat' : `#/chat/${encodeURIComponent(route.id)}`;
  return query === '' ? path : `${path}?${query}`;
}
