// Other programs of the mock host: one whose file changes once between the plan and the order to write, one whose file
// cannot be read, one that is set up by hand, and settings that the user changed since.
import type {
  ConnectDone,
  ConnectedProgram,
  ConnectLine,
  ConnectPlan,
  ConnectProgram,
  ConnectRequest,
  ConnectStep,
  ConnectUndone,
  ErrorView,
  SharingView,
} from '$lib/ipc/bindings';

const HOME = '/home/lin';
const PROGRAMS: [id: string, name: string, file: string | null][] = [
  ['claude-code', 'Claude Code', `${HOME}/.claude/settings.json`],
  ['codex', 'Codex', `${HOME}/.codex/config.toml`],
  ['opencode', 'OpenCode', `${HOME}/.config/opencode/opencode.json`],
  ['continue', 'Continue', `${HOME}/.continue/config.yaml`],
  ['zed', 'Zed', `${HOME}/.config/zed/settings.json`],
  ['vscode', 'VS Code', `${HOME}/.config/Code/User/chatLanguageModels.json`],
  ['open-webui', 'Open WebUI', null],
  ['obsidian', 'Obsidian', '.obsidian/plugins/copilot/data.json'],
];
const DOTS = '••••';

/** What the host has: the server with its keys. */
type Server = {
  view: () => SharingView;
  /** Returns the secret. */
  addKey: (name: string) => string;
  removeKeys: (name: string) => void;
};
let server: Server;
const connected = new Map<string, ConnectedProgram>();
/** Programs whose file changes after it was shown for the first time. */
const restless = new Set(['continue']);

export function begin(some: boolean, of: Server): void {
  server = of;
  if (!some) return;
  const file = (id: string) => PROGRAMS.find(([known]) => known === id)?.[2] ?? '';
  connected.set('opencode', { path: file('opencode'), address: 'http://127.0.0.1:8137', model: 'guide' });
  connected.set('zed', { path: file('zed'), address: 'http://127.0.0.1:9000', model: null });
}

const failure = (code: ErrorView['code'], detail: ErrorView['detail']): ErrorView => ({
  code,
  message: 'connect a program',
  detail,
});

function known(id: string): { name: string; file: string | null } {
  const found = PROGRAMS.find(([one]) => one === id);
  if (!found) throw failure('invalid_input', { name: id });
  return { name: found[1], file: found[2] };
}

export const programs = (vault: string | null): ConnectProgram[] =>
  PROGRAMS.map(([id, name]) => ({
    id,
    name,
    needs_vault: id === 'obsidian',
    connected: (id === 'obsidian' && vault === null ? undefined : connected.get(id)) ?? null,
  }));

function pathOf({ program_id, vault }: Pick<ConnectRequest, 'program_id' | 'vault'>): string | null {
  const { file } = known(program_id);
  return program_id === 'obsidian' ? `${vault}/${file}` : file;
}

const line = (kind: ConnectLine['kind'], text = ''): ConnectLine => ({ kind, text });

function linesOf(id: string, address: string, model: string): ConnectLine[] {
  if (id === 'codex')
    return [
      line('gap'),
      line('same', 'approval_policy = "on-request"'),
      line('removed', 'model = "gpt-5.1-codex"'),
      line('added', `model = "${model}"`),
      line('added', 'model_provider = "whaledeck"'),
      line('added', 'model_context_window = 65536'),
      line('same', ''),
      line('same', '[history]'),
      line('gap'),
      line('same', 'persistence = "save-all"'),
      line('added', ''),
      line('added', '[model_providers.whaledeck]'),
      line('added', 'name = "Whaledeck"'),
      line('added', `base_url = "${address}/v1"`),
      line('added', 'wire_api = "responses"'),
      line('added', `experimental_bearer_token = "${DOTS}"`),
      line('added', `# ${'A line that is longer than any window shows at once. '.repeat(4).trim()}`),
    ];
  return [
    line('added', '{'),
    line('added', '  "env": {'),
    line('added', `    "ANTHROPIC_BASE_URL": "${address}",`),
    line('added', `    "ANTHROPIC_AUTH_TOKEN": "${DOTS}",`),
    line('added', `    "ANTHROPIC_MODEL": "${model}"`),
    line('added', '  }'),
    line('added', '}'),
  ];
}

function stepsOf(id: string, address: string, model: string, key: string): ConnectStep[] {
  switch (id) {
    case 'zed':
      return [
        { kind: 'open', labels: ['agent: open settings', 'LLM Providers', 'Whaledeck'] },
        { kind: 'enter_key', value: key },
        { kind: 'variable', name: 'WHALEDECK_API_KEY', value: key },
      ];
    case 'open-webui': {
      const values = `OPENAI_API_BASE_URL=${address}/v1 -e OPENAI_API_KEY=${key} -e DEFAULT_MODELS=${model}`;
      return [
        {
          kind: 'run_docker',
          command: `docker run -d --name open-webui --network host -e PORT=3000 -e ${values} -v open-webui:/app/backend/data ghcr.io/open-webui/open-webui:main`,
        },
        { kind: 'run_pip', command: `${values.replaceAll(' -e ', ' ')} open-webui serve --port 3000` },
        { kind: 'open', labels: ['Admin Panel', 'Settings', 'Connections', 'OpenAI API'] },
        { kind: 'enter_address', value: `${address}/v1` },
        { kind: 'enter_key', value: key },
      ];
    }
    case 'obsidian':
      return [{ kind: 'restart' }];
    case 'continue':
      return [{ kind: 'restart' }, { kind: 'choose_model', model }];
    default:
      return [];
  }
}

const digestOf = (id: string): string => (restless.has(id) ? 'before' : 'now');

export function plan({ program_id, model_id, vault }: ConnectRequest): ConnectPlan {
  const base = server.view().addresses[0]?.replace(/\/v1$/, '');
  if (base === undefined) throw failure('sharing_off', {});
  if (program_id === 'vscode')
    throw failure('connect_unreadable', { reason: 'line 3: expected a comma or `]`' });
  const path = pathOf({ program_id, vault });
  const now = connected.get(program_id);
  const same = now?.address === base && now.model === model_id;
  return {
    path,
    lines: path === null || same ? [] : linesOf(program_id, base, model_id),
    digest: digestOf(program_id),
    steps: stepsOf(program_id, base, model_id, 'wd-key-that-is-made-when-you-connect'),
    origin: program_id === 'obsidian' ? 'app://obsidian.md' : null,
  };
}

export function apply(request: ConnectRequest, digest: string): ConnectDone {
  const { program_id: id, model_id } = request;
  const { path } = plan(request);
  restless.delete(id);
  if (digest !== digestOf(id)) throw failure('connect_changed', { path: path ?? '' });
  const { name } = known(id);
  server.removeKeys(name);
  const [key, address] = [server.addKey(name), server.view().addresses[0]?.replace(/\/v1$/, '') ?? ''];
  if (path !== null) connected.set(id, { path, address, model: model_id });
  return { path, steps: stepsOf(id, address, model_id, key) };
}

export function undo(id: string): ConnectUndone {
  const now = connected.get(id);
  if (!now) throw failure('connect_nothing', { reason: 'none of our settings is in it' });
  connected.delete(id);
  server.removeKeys(known(id).name);
  return {
    path: now.path,
    deleted: id === 'claude-code',
    kept: id === 'opencode' ? ['model', 'provider.whaledeck.options.timeout'] : [],
  };
}
