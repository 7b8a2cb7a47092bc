// The page in view. Follows the address of the window and moves it; knows no page's content.
import { hrefOf, parseRoute, type Route } from './route';

class Router {
  current = $state<Route>(parseRoute(location.hash));

  constructor() {
    addEventListener('hashchange', () => (this.current = parseRoute(location.hash)));
  }

  go(route: Route, how: 'push' | 'replace' = 'push'): void {
    const href = hrefOf(route);
    if (how === 'replace') history.replaceState(null, '', href);
    else location.hash = href;
    this.current = route;
  }
}

export const router = new Router();
export const newChat = (model: string | null = null, folder?: string): Route => ({
  page: 'chat',
  id: null,
  model,
  ...(folder === undefined ? {} : { folder }),
});
