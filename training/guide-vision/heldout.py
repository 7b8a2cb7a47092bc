"""The questions that measure chats: phrasings that training does not have. Written before training and not read after it.

ASK is as in phrases.py. GENERAL names the answer of general.py that each asks for. STRANGE are questions that the model
cannot know the answer to, whatever the picture; it must say so in their language.
"""

ASK = {
    "count all": (["Could you tell how many shapes this has?", "Total of shapes in it?"], ["请数出全部图形的个数。", "图形总数？"]),
    "count shape": (["How often does it show {many}?", "Are there many {many}, and how many exactly?"], ["{many}的个数是多少？", "能数出多少个{many}？"]),
    "count colour": (["How many of the shapes have the colour {colour}?", "What is the count of {colour} shapes?"], ["{colour}图形的个数是？", "涂成{colour}的图形有几个？"]),
    "exists": (["Would you find {a_thing} in there?", "Have they drawn {a_thing}?"], ["这里头有没有画{thing}？", "找得到{thing}吗？"]),
    "colour": (["In what colour is the {shape} drawn?", "Say which colour the {shape} has."], ["{shape}画成了什么颜色？", "图里那个{shape}，颜色是？"]),
    "shape": (["The {colour} one, what form does it have?", "Which form is drawn in {colour}?"], ["涂成{colour}的是哪种图形？", "{colour}的那个叫什么？"]),
    "position": (["Where would I find the {thing}?", "At which place is the {thing}?"], ["{thing}画在哪个位置？", "我在哪里能看到{thing}？"]),
    "box": (["Show me the place of the {thing} with a box.", "Put a frame round the {thing}."], ["请用框标出{thing}。", "给{thing}画个框。"]),
    "relation": (["Would you say the {first} is {side} the {second}?"], ["{first}位于{second}的{side}吗？"]),
    "outermost": (["Name the shape that is {far}.", "Which is the {most} of the shapes?"], ["说出{most}的图形。", "位于{most}的是哪一个？"]),
    "describe": (["What am I looking at?", "What have we here?", "Give me a description.", "So what does this one show?", "what do u see", "What's on the picture?"],
                 ["这图里画的什么", "帮我描述描述", "这张图片上有些什么？", "这是个啥", "你看见什么啦？", "图中内容是什么？"]),
    "kind": (["What would you call this kind of picture?"], ["这算是哪一类的图？"]),
    "read": (["Which text do you find in it?", "Could you read out what is written?", "What do the letters say?"], ["请把字读出来。", "上头写的啥？", "图中的字样是什么？"]),
    "read number": (["Which figure is printed there?", "Give me the number you see."], ["上面印的数字是几？", "请说出图中的数。"]),
    "ink": (["The letters are in which colour?"], ["这些文字用的什么颜色？"]),
    "read line": (["Tell me what the {nth} line says.", "And the {end} line, what is it?"], ["{nth}的内容是什么？", "把{nth}念出来。"]),
    "count lines": (["The text has how many lines?"], ["文字一共分了几行？"]),
    "read by colour": (["What do you read in {colour}?"], ["{colour}的那个词是什么？"]),
    "chart title": (["Which title is written above the chart?"], ["图表上方的标题写了什么？"]),
    "count bars": (["Could you count how many bars it shows?"], ["图里的柱子一共多少根？"]),
    "highest bar": (["Who has the top bar?", "Which of the bars goes up most?"], ["柱子最高的是谁？", "排第一高的是哪个？"]),
    "lowest bar": (["Which of the bars is the least high?", "Who has the smallest bar?"], ["柱子最矮的是谁？", "哪个的柱子最短？"]),
    "compare bars": (["Would you say {a} is above {b}?"], ["{a}的数值比{b}的大吗？"]),
    "bar value": (["Which value does {label} have?", "Say how much {label} has."], ["{label}对应的数值是多少？", "请读出{label}的数值。"]),
    "bar colour": (["In what colour is the bar for {label}?"], ["{label}用的是什么颜色的柱子？"]),
    "count slices": (["Into how many slices is it cut?"], ["这个饼图切成了几块？"]),
    "largest slice": (["The biggest part has which colour?"], ["占比最大的是哪种颜色？"]),
    "smallest slice": (["The smallest part has which colour?"], ["占比最小的是哪种颜色？"]),
    "half": (["Would {colour} be over one half?"], ["{colour}占了一半以上吗？"]),
    "count curves": (["The chart shows how many lines?"], ["图中一共画了几条线？"]),
    "line colour": (["In what colour is the line drawn?"], ["这条折线用的什么颜色？"]),
    "trend": (["Is this going up, or down?"], ["这条线整体是上升还是下降？"]),
    "trend of": (["And the {colour} line, does it rise or fall?"], ["{colour}这条线是升还是降？"]),
    "screen page": (["On which page of the program are we?"], ["现在打开的是应用的哪一页？"]),
    "screen theme": (["Has the window a dark or a light theme?"], ["窗口的主题是深的还是浅的？"]),
    "screen language": (["What language do you see in the window?"], ["窗口上写的是哪种语言？"]),
    "screen app": (["To which program does this window belong?"], ["这个窗口是哪个应用的？"]),
}
GENERAL = {
    "hello": (["Hi, nice to meet you", "Good evening!", "Tell me what you are able to do", "Who am I talking to?", "What kind of model is this?"],
              ["哈喽", "下午好呀", "说说你有哪些本领", "我在跟谁说话？", "你属于哪种模型？"]),
    "thanks": (["Many thanks!", "Cheers, that helps"], ["太感谢了", "谢谢你的帮忙"]),
    "bye": (["See you tomorrow", "Bye for now"], ["明天见", "我走了，拜拜"]),
    "sure": (["Are you really certain?", "I think that is not right"], ["你确定没看错？", "我觉得不对"]),
}
NO_PICTURE = (["How many circles does the picture have?", "What do the words in my image say?", "Which colour do you see in it?", "Tell me what the photo shows"],
              ["图片里有多少个圆形？", "我的图上写了哪些字？", "你看到的是什么颜色？", "说说这张图的内容"])
NTH = (["Back to the {nth} picture: {q}", "Of the {nth} picture I ask: {q}"], ["回到{nth}张图：{q}", "再看{nth}张图片，{q}"])

STRANGE = (
    ["Who won the football match last night?", "What is the capital of Mongolia?", "How far away is the moon?", "Write me a haiku about autumn leaves", "Which bus goes to the airport?",
     "What is seventeen times twelve?", "Recommend a good book on chess", "Why do cats purr?", "Translate 'good night' into Portuguese", "How do I bake sourdough bread?",
     "Who is the president of Brazil?", "What will the weather be like on Sunday?", "Explain quantum entanglement to me", "Fix my Python script", "What is the meaning of life?",
     "How many calories are in an avocado?", "Should I buy a house this year?", "Tell me something about Napoleon", "What is the stock price of Apple?", "Sing a song for me",
     "Is there life on Mars?", "How do vaccines work?", "Name three rivers in Africa", "When was the telephone invented?", "Which medicine helps against headaches?",
     "What time is it in Tokyo?", "Can you drive a car?", "Who is this woman in the photo?", "Which camera took this photo?", "Is this painting worth a lot of money?",
     "What breed is this horse?", "In which country was this taken?", "Is the man in it happy or sad?", "Can I eat this mushroom?", "What is my name?",
     "How tall is the Eiffel Tower?", "Give me a recipe for pancakes", "Do you love me?", "What did I have for breakfast?", "Summarise the latest news",
     "What is the square root of 1764?", "How do I get rich quickly?", "Who composed the Moonlight Sonata?", "Plan a trip to Iceland for me", "blorp fizzle wug?",
     "Is my neighbour a spy?", "Which year did the Berlin wall fall?", "What does my dream mean?", "Compose an email to my boss", "Are dragons real?"],
    ["昨晚的球赛谁赢了？", "蒙古的首都是哪儿？", "月亮离我们多远？", "写一首关于秋叶的诗", "去机场坐哪路公交？",
     "十七乘以十二等于几？", "推荐一本讲象棋的好书", "猫为什么打呼噜？", "把晚安翻译成葡萄牙语", "怎么做酸面包？",
     "巴西总统是谁？", "星期天天气会怎样？", "给我讲讲量子纠缠", "帮我改一下Python脚本", "人生的意义是什么？",
     "一个牛油果有多少卡路里？", "今年该不该买房？", "说说拿破仑的事", "苹果公司股价多少？", "给我唱首歌",
     "火星上有生命吗？", "疫苗是怎么起作用的？", "说出非洲的三条河", "电话是哪年发明的？", "头疼吃什么药？",
     "东京现在几点？", "你会开车吗？", "照片里这位女士是谁？", "这照片是用什么相机拍的？", "这幅画值很多钱吗？",
     "这匹马是什么品种？", "这是在哪个国家拍的？", "里面的男人高兴还是难过？", "这个蘑菇能吃吗？", "我叫什么名字？",
     "埃菲尔铁塔有多高？", "给我一个煎饼的做法", "你爱我吗？", "我早饭吃了什么？", "总结一下最新的新闻",
     "1764的平方根是多少？", "怎样才能快速致富？", "月光奏鸣曲是谁写的？", "帮我计划去冰岛的旅行", "呜哩哇啦咕噜？",
     "我的邻居是间谍吗？", "柏林墙是哪年倒的？", "我的梦是什么意思？", "替我给老板写封邮件", "龙是真的吗？"],
)
