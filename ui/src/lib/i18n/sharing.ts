// Words of the local API server, in both languages.
export const sharingEn = {
  title: 'Local API server', lead: 'Let other programs use the model on this computer through an OpenAI-compatible API. Each needs a key that you create here.',
  on: 'Serve the model', onNote: 'It is served while it is loaded. The model reloads when you change this.', where: 'Who can connect', places: { here: 'This computer', network: 'The local network', one: 'A specific address' },
  address: 'Listen address', port: 'Port', rate: 'Requests per minute per key', rateNote: '0 = unlimited.', save: 'Save',
  reached: 'API address', idle: 'No model is loaded. Serving starts as soon as a chat or the Models page loads one.', serves: (name: string) => `Serving ${name}.`, modelName: 'Model name for API clients:',
  pages: 'Web pages and browser extensions cannot connect; programs can.',
  warning: (address: string) => `Open to your network at ${address}: anyone with a key can use the model, and traffic is not encrypted.`, close: 'Close access',
  badHost: 'Enter an IP address, such as 192.168.1.7.', badPort: 'A port is a number from 1 to 65535.',
  keys: 'Keys', noKeys: 'No keys yet, so no program can connect.', name: 'Name', days: 'Expires after', durations: { '1': '1 day', '30': '30 days', '365': '1 year', '': 'never' }, make: 'Create key',
  secret: 'The new key', secretNote: 'Copy it now. It is shown only once; only its hash is stored.', done: 'Done',
  until: (day: string) => `until ${day}`, forever: 'never expires', expired: 'expired', take: 'Revoke', takeName: (name: string) => `Revoke the key ${name}`,
  requests: 'Recent requests', requestsNote: 'Prompts and answers are not stored.', noRequests: 'No requests yet.', when: 'When', who: 'Key', what: 'Path', result: 'Result', tokens: 'Tokens', nobody: 'no valid key', again: 'Refresh',
};

export const sharingZh: typeof sharingEn = {
  title: '本地 API 服务', lead: '让其他程序通过兼容 OpenAI 的 API 使用这台电脑上的模型。每个程序都需要你在这里创建的密钥。',
  on: '开启服务', onNote: '模型加载后提供服务。更改后会重新加载模型。', where: '谁可以访问', places: { here: '这台电脑', network: '本地网络', one: '指定地址' },
  address: '监听地址', port: '端口', rate: '每个密钥每分钟请求数', rateNote: '0 表示不限。', save: '保存',
  reached: 'API 地址', idle: '没有加载模型。在对话或“模型”页加载后即提供服务。', serves: (name) => `正在提供 ${name}。`, modelName: 'API 使用的模型名：',
  pages: '网页和浏览器扩展无法连接，普通程序可以。',
  warning: (address) => `已在 ${address} 对你的网络开放：有密钥的人都能使用这个模型，传输的内容没有加密。`, close: '关闭访问',
  badHost: '请输入 IP 地址，例如 192.168.1.7。', badPort: '端口是 1 到 65535 之间的数字。',
  keys: '密钥', noKeys: '还没有密钥，所以没有程序能连接。', name: '名称', days: '有效期', durations: { '1': '一天', '30': '30 天', '365': '一年', '': '永久' }, make: '创建密钥',
  secret: '新密钥', secretNote: '请立即复制。密钥只显示一次，之后只保存哈希值。', done: '完成',
  until: (day) => `有效至 ${day}`, forever: '永久', expired: '已过期', take: '吊销', takeName: (name) => `吊销密钥 ${name}`,
  requests: '最近的请求', requestsNote: '不保存提问和回答的内容。', noRequests: '还没有请求。', when: '时间', who: '密钥', what: '路径', result: '结果', tokens: '词元', nobody: '密钥无效', again: '刷新',
};
