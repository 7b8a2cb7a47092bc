// Words of offering a model to other programs, in both languages.
export const sharingEn = {
  title: 'Other programs', lead: 'Let other programs use the model of this computer over the OpenAI protocol. Each shows a key that you make here.',
  on: 'Offer the model', onNote: 'It is served while it is loaded. Changing this loads it anew.', where: 'Who can reach it', places: { here: 'This computer', network: 'The local network', one: 'One address' },
  address: 'Address of this computer to listen at', port: 'Port', rate: 'Requests a minute for each key', rateNote: '0 is no limit.', save: 'Keep',
  reached: 'Programs reach it at', idle: 'No model is loaded. It is served as soon as a chat or the Models page loads one.', serves: (name: string) => `${name} is served now.`, modelName: 'Model name:',
  pages: 'Web pages and browser extensions cannot connect; programs can.',
  warning: (address: string) => `Open to your network at ${address}: whoever has a key can use the model, and what is said is not encrypted on the way.`, close: 'Close it',
  badHost: 'An address is made of numbers, such as 192.168.1.7.', badPort: 'A port is a number from 1 to 65535.',
  keys: 'Keys', noKeys: 'Nobody has a key yet, so nobody can come in.', name: 'For whom or what', days: 'Opens for', durations: { '1': 'a day', '30': '30 days', '365': 'a year', '': 'ever' }, make: 'Make a key',
  secret: 'The new key', secretNote: 'Copy it now. It is shown this once and kept as a hash only.', done: 'I have it',
  until: (day: string) => `until ${day}`, forever: 'for ever', expired: 'expired', take: 'Take back', takeName: (name: string) => `Take back the key ${name}`,
  requests: 'Who came', requestsNote: 'What was asked and answered is not kept.', noRequests: 'Nobody came yet.', when: 'When', who: 'Key', what: 'Path', result: 'Result', tokens: 'Tokens', nobody: 'no valid key', again: 'Look again',
};

export const sharingZh: typeof sharingEn = {
  title: '其他程序', lead: '让其他程序通过 OpenAI 协议使用这台电脑上的模型。每个程序出示你在这里创建的密钥。',
  on: '提供模型', onNote: '模型载入期间提供服务。更改后会重新载入模型。', where: '谁可以访问', places: { here: '这台电脑', network: '本地网络', one: '指定地址' },
  address: '监听的本机地址', port: '端口', rate: '每个密钥每分钟请求数', rateNote: '0 表示不限制。', save: '保存',
  reached: '程序访问地址', idle: '没有载入模型。在对话或“模型”页载入后即提供服务。', serves: (name) => `正在提供 ${name}。`, modelName: '模型名：',
  pages: '网页和浏览器扩展无法连接，普通程序可以。',
  warning: (address) => `已在 ${address} 对你的网络开放：有密钥的人都能使用这个模型，传输的内容没有加密。`, close: '关闭',
  badHost: '地址由数字组成，例如 192.168.1.7。', badPort: '端口是 1 到 65535 之间的数字。',
  keys: '密钥', noKeys: '还没有密钥，所以没有程序能进入。', name: '给谁或什么程序', days: '有效期', durations: { '1': '一天', '30': '30 天', '365': '一年', '': '永久' }, make: '创建密钥',
  secret: '新密钥', secretNote: '请现在复制。它只显示这一次，之后只保存哈希。', done: '我已保存',
  until: (day) => `有效至 ${day}`, forever: '永久', expired: '已过期', take: '收回', takeName: (name) => `收回密钥 ${name}`,
  requests: '访问记录', requestsNote: '不保存提问和回答的内容。', noRequests: '还没有访问。', when: '时间', who: '密钥', what: '路径', result: '结果', tokens: '词元', nobody: '没有有效密钥', again: '刷新',
};
