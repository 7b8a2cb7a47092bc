// Words of Compare, both languages side by side.
export const compareEn = {
  title: 'Compare', lead: 'One question to two models, side by side. Nothing of it is kept.',
  question: 'Your question', left: 'Left', right: 'Right', ask: 'Ask both', stop: 'Stop', style: 'Style', advised: 'As advised for each model', instructions: 'Instructions',
  cloud: 'Your question leaves this computer', turns: 'Both run on this computer, so one answers after the other.', same: 'Both sides are the same model: they differ by chance only.',
  noModels: 'Add a cloud key or download a second model to compare.',
  waiting: 'Waiting', loading: 'Getting ready', asking: 'Reading your question', writing: 'Writing', answer: (side: string, model: string) => `${side}: ${model}`,
  states: { done: 'Done', length: 'At its length limit', stopped: 'Stopped', failed: 'Stopped by an error' },
  first: 'First word after', total: 'In all', read: 'Tokens read', written: 'Tokens written', cost: 'Cost',
  seconds: (value: string) => `${value} s`, unknown: 'Not known', notCounted: 'Not counted', none: 'None: runs on this computer', noneDeployed: 'None: runs on your machines', noWord: 'No word came',
  price: (input: string, output: string, currency: string, date: string) => `${input} and ${output} ${currency} for a million tokens read and written, as of ${date}`,
  costNote: (file: string) => `Costs follow from prices that you write into ${file}, each with its date and source; without one, a cost is not known.`,
};

export const compareZh: typeof compareEn = {
  title: '对比', lead: '同一个问题，两个模型并排回答。内容不会保留。',
  question: '你的问题', left: '左侧', right: '右侧', ask: '同时提问', stop: '停止', style: '风格', advised: '各用推荐参数', instructions: '指令',
  cloud: '你的问题会离开这台电脑', turns: '两个模型都在这台电脑上，所以依次回答。', same: '两侧是同一个模型，差别只来自随机性。',
  noModels: '添加一个云端密钥，或再下载一个模型，就可以对比。',
  waiting: '等待中', loading: '正在准备', asking: '正在阅读问题', writing: '正在回答', answer: (side, model) => `${side}：${model}`,
  states: { done: '完成', length: '达到长度上限', stopped: '已停止', failed: '因错误停止' },
  first: '首词用时', total: '总用时', read: '读入的词元', written: '写出的词元', cost: '费用',
  seconds: (value) => `${value} 秒`, unknown: '未知', notCounted: '没有统计', none: '无：在这台电脑上运行', noneDeployed: '无：在你自己的机器上运行', noWord: '没有任何内容',
  price: (input, output, currency, date) => `每百万词元：读入 ${input}、写出 ${output} ${currency}，查询于 ${date}`,
  costNote: (file) => `费用按你写在 ${file} 里的价格计算，每个价格附有日期和来源；没有价格时费用未知。`,
};
