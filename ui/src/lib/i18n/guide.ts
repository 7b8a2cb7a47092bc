// Words of the chats with the built-in models: what they are, and what every other model may be asked first.
export const guideEn = {
  note: 'A tiny model: it knows Whaledeck and the DeepSeek models, and little else.',
  visionNote: 'A tiny model: it knows drawn shapes, simple charts and printed words, not photographs.',
  better: 'For real answers:',
  betterVision: 'For photographs:',
  download: (name: string, size: string) => `Download ${name} (${size})`,
  use: (name: string) => `Use ${name}`,
  downloading: (name: string) => `Show the download of ${name}`,
  choose: 'Choose a model',
  suggestions: {
    guide: [
      'What can I do with Whaledeck?',
      'Which DeepSeek model should I run on a 24 GB GPU?',
      'What does mixture of experts mean?',
      'What do the presets change?',
    ],
    general: [
      'Explain how a vaccine works, in simple words.',
      'Write a friendly email that moves a meeting to Friday.',
      'What should I look at when I buy a used bicycle?',
      'Plan three days in Lisbon for a family.',
    ],
    reasoning: [
      'A bat and a ball cost 11 euros. The bat costs 10 euros more than the ball. What does the ball cost?',
      'Is 2027 a prime number? Show how you check it.',
      'What speaks for and against working from home?',
      'Explain how a vaccine works, in simple words.',
    ],
    code: [
      'Write a Python function that removes duplicates from a list and keeps the order.',
      'Explain what a race condition is, with an example.',
      'Write a SQL query that finds the three best customers.',
      'How do I undo my last commit in Git?',
    ],
  },
};

export const guideZh: typeof guideEn = {
  note: '这是一个很小的模型，只了解 Whaledeck 和 DeepSeek 模型。',
  visionNote: '这是一个很小的模型，只认得画出的图形、简单图表和印刷的文字，看不懂照片。',
  better: '想要更好的回答：',
  betterVision: '要看照片：',
  download: (name, size) => `下载 ${name}（${size}）`,
  use: (name) => `使用 ${name}`,
  downloading: (name) => `查看 ${name} 的下载进度`,
  choose: '选择模型',
  suggestions: {
    guide: [
      'Whaledeck 能做什么？',
      '24 GB 显卡适合运行哪个 DeepSeek 模型？',
      '混合专家是什么意思？',
      '预设会改变什么？',
    ],
    general: [
      '用简单的话解释疫苗的原理',
      '写一封友好的邮件，把会议改到周五',
      '买二手自行车要注意什么？',
      '为一家人安排三天的成都之行',
    ],
    reasoning: [
      '球拍和球一共 11 元，球拍比球贵 10 元，球多少钱？',
      '2027 是质数吗？请写出验证过程',
      '在家办公有哪些利与弊？',
      '用简单的话解释疫苗的原理',
    ],
    code: [
      '用 Python 写一个函数，去掉列表中的重复项并保持顺序',
      '举例说明什么是竞态条件',
      '写一条 SQL，找出消费最多的三位客户',
      '怎样撤销 Git 的上一次提交？',
    ],
  },
};
