// Words of Compare, both languages side by side.
export const compareEn = {
  title: 'Compare', lead: 'One question to two models, side by side. Nothing is saved.',
  question: 'Your question', left: 'Left', right: 'Right', ask: 'Ask both', stop: 'Stop', style: 'Preset', advised: 'Recommended for each model', instructions: 'Instructions',
  cloud: 'Your question leaves this computer', turns: 'Both run on this computer, so they answer one after the other.', same: 'Both sides use the same model: they differ by chance only.',
  noModels: 'Add a cloud key or download a second model to compare.',
  waiting: 'Waiting', loading: 'Loading', asking: 'Processing your question', writing: 'Writing', answer: (side: string, model: string) => `${side}: ${model}`,
  states: { done: 'Done', length: 'At its length limit', stopped: 'Stopped', failed: 'Failed' },
  first: 'Time to first token', total: 'Total time', read: 'Prompt tokens', written: 'Answer tokens', cost: 'Cost',
  seconds: (value: string) => `${value} s`, unknown: 'Unknown', notCounted: 'Not counted', none: 'None: runs on this computer', noneDeployed: 'None: runs on your machines', noWord: 'No answer',
  price: (input: string, output: string, currency: string, date: string) => `${input} and ${output} ${currency} per million prompt and answer tokens, as of ${date}`,
  costNote: (file: string) => `Costs are computed from the prices in ${file}, which you enter with their date and source. Without a price, the cost is unknown.`,
};

export const compareZh: typeof compareEn = {
  title: '对比', lead: '同一个问题，两个模型并排回答。内容不会保存。',
  question: '你的问题', left: '左侧', right: '右侧', ask: '同时提问', stop: '停止', style: '预设', advised: '各用推荐参数', instructions: '指令',
  cloud: '你的问题会离开这台电脑', turns: '两个模型都在这台电脑上，所以依次回答。', same: '两侧是同一个模型，差别只来自随机性。',
  noModels: '添加一个云端密钥，或再下载一个模型，就可以对比。',
  waiting: '等待中', loading: '正在准备', asking: '正在处理输入', writing: '正在回答', answer: (side, model) => `${side}：${model}`,
  states: { done: '完成', length: '达到长度上限', stopped: '已停止', failed: '失败' },
  first: '首个词元用时', total: '总用时', read: '输入词元', written: '输出词元', cost: '费用',
  seconds: (value) => `${value} 秒`, unknown: '未知', notCounted: '没有统计', none: '无：在这台电脑上运行', noneDeployed: '无：在你自己的机器上运行', noWord: '没有任何内容',
  price: (input, output, currency, date) => `每百万词元：输入 ${input}、输出 ${output} ${currency}，查询于 ${date}`,
  costNote: (file) => `费用按你写在 ${file} 里的价格计算，每个价格附有日期和来源；没有价格时费用未知。`,
};
