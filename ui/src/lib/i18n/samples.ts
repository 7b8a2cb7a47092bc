// Words of the empty chat of Guide Vision: its sample pictures and what can be asked about each. The model knows these questions.
export const samplesEn = {
  title: 'Ask about an image',
  lead: 'Attach a sample or an image of your own, then ask. The answer is written on this computer.',
  label: 'Sample images',
  attach: (name: string) => `Attach sample: ${name}`,
  names: { shapes: 'Shapes', bars: 'Bar chart', words: 'Words', pie: 'Pie chart' },
  questions: {
    shapes: [
      'What do you see?',
      'How many shapes are there?',
      'What colour is the star?',
      'Find the green square.',
    ],
    bars: [
      'Which bar is the highest?',
      'What is the value of C?',
      'Is A higher than D?',
      'How many bars are there?',
    ],
    words: [
      'What does it say?',
      'What does the blue text say?',
      'How many lines of text are there?',
      'What kind of picture is this?',
    ],
    pie: [
      'Which colour is the largest slice?',
      'Which colour is the smallest slice?',
      'How many slices are there?',
      'Is red more than half?',
    ],
  },
  own: [
    'What do you see?',
    'What does it say?',
    'What kind of picture is this?',
    'How many shapes are there?',
  ],
};

export const samplesZh: typeof samplesEn = {
  title: '看图提问',
  lead: '添加一张示例或自己的图片，然后提问。回答在这台电脑上生成。',
  label: '示例图片',
  attach: (name) => `添加示例：${name}`,
  names: { shapes: '图形', bars: '柱状图', words: '文字', pie: '饼图' },
  questions: {
    shapes: ['你看到了什么？', '有几个图形？', '星形是什么颜色？', '找到绿色正方形。'],
    bars: ['哪根柱子最高？', 'C的数值是多少？', 'A比D高吗？', '有几根柱子？'],
    words: ['写的是什么？', '蓝色的字是什么？', '有几行字？', '这是什么图？'],
    pie: ['最大的一块是什么颜色？', '最小的一块是什么颜色？', '有几块？', '红色超过一半吗？'],
  },
  own: ['你看到了什么？', '写的是什么？', '这是什么图？', '有几个图形？'],
};
