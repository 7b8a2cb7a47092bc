"""How people ask about pictures, in both languages: training's phrasings of each kind of question, and what is put around them.

A fact of a scene is dict(task, slots=(en, zh), a=(en, zh)); `asked` makes a turn of it: task, lang, q and a. The phrasings
that measure are in heldout.py: a phrasing of training that comes out as one of them is made anew.
"""
import functools
import re

import grammar

#: task -> (English, Chinese), with the fact's slots.
ASK = {
    "count all": (
        ["How many shapes are there?", "How many shapes do you see?", "Count the shapes.", "How many shapes?", "How many things are there?",
         "How many objects are in the picture?", "What is the number of shapes?", "number of shapes", "count them all", "How many are there in all?"],
        ["有几个图形？", "图里有多少个图形？", "数一数有几个图形。", "一共有几个图形", "总共几个图形？", "几个图形", "图形有多少个？", "数数图形", "这里有多少东西？", "图形的数量是多少？"]),
    "count shape": (
        ["How many {many} are there?", "How many {many} do you see?", "Count the {many}.", "How many {many}?", "number of {many}",
         "How many {many} are in this picture?", "What is the number of {many}?", "How many {many} can you find?"],
        ["有几个{many}？", "图里有多少个{many}？", "数一数{many}有几个。", "{many}有几个", "几个{many}？", "多少个{many}", "{many}一共有多少个？", "图里的{many}有几个？"]),
    "count colour": (
        ["How many {colour} shapes are there?", "How many shapes are {colour}?", "How many {colour} ones?", "Count the {colour} shapes.",
         "How many {colour} things do you see?", "How many are {colour}?", "number of {colour} shapes"],
        ["有几个{colour}的图形？", "图里{colour}的图形有多少个？", "{colour}的有几个", "几个是{colour}的？", "数一数{colour}的图形", "{colour}图形有多少？", "有多少个{colour}的？"]),
    "exists": (
        ["Is there {a_thing}?", "Do you see {a_thing}?", "Can you see {a_thing}?", "Is {a_thing} in the picture?", "Does the picture have {a_thing}?",
         "{a_thing}?", "is there {a_thing} here", "Any {thing} in it?"],
        ["有{thing}吗？", "图里有没有{thing}？", "能看到{thing}吗？", "有没有{thing}", "里面有{thing}吗", "你看到{thing}了吗？", "这张图有{thing}吗？"]),
    "colour": (
        ["What colour is the {shape}?", "Which colour is the {shape}?", "What color is the {shape}?", "colour of the {shape}", "The {shape} is what colour?",
         "What's the colour of the {shape}?", "color of the {shape}?", "What colour does the {shape} have?", "Tell me the colour of the {shape}."],
        ["{shape}是什么颜色？", "{shape}是什么颜色的？", "{shape}的颜色是什么？", "{shape}什么颜色", "{shape}的颜色", "那个{shape}是什么颜色的", "说说{shape}的颜色。"]),
    "shape": (
        ["What shape is {colour}?", "Which shape is {colour}?", "What is the {colour} shape?", "What is {colour}?", "Which one is {colour}?",
         "The {colour} one is what shape?", "What's the {colour} thing?", "name the {colour} shape"],
        ["{colour}的是什么图形？", "哪个图形是{colour}的？", "{colour}的是什么？", "哪个是{colour}的", "{colour}的图形是什么？", "{colour}的那个是什么形状？", "什么形状是{colour}的？"]),
    "position": (
        ["Where is the {thing}?", "In which part of the picture is the {thing}?", "where's the {thing}", "Where do you see the {thing}?",
         "What is the position of the {thing}?", "Which part is the {thing} in?", "Where is the {thing} placed?"],
        ["{thing}在哪里？", "{thing}在图的什么位置？", "{thing}在哪", "{thing}的位置是哪里？", "{thing}在什么地方？", "{thing}在哪一块？", "哪里有{thing}？"]),
    "box": (
        ["<|ref|>the {thing}<|/ref|>.", "Locate <|ref|>the {thing}<|/ref|>.", "Find the {thing}.", "Draw a box around the {thing}.", "Box the {thing}.",
         "Mark the {thing}.", "find the {thing} please", "Point at the {thing}."],
        ["<|ref|>{thing}<|/ref|>.", "定位<|ref|>{thing}<|/ref|>。", "框出{thing}。", "找到{thing}。", "圈出{thing}", "标出{thing}。", "把{thing}框出来", "找出{thing}"]),
    "boxes": (
        ["<|ref|>all {many}<|/ref|>.", "Find all {many}.", "Locate <|ref|>all {many}<|/ref|>.", "Box all {many}.", "Mark all the {many}.", "Draw boxes around all {many}."],
        ["<|ref|>所有{many}<|/ref|>.", "找到所有{many}。", "框出所有{many}。", "定位<|ref|>所有{many}<|/ref|>。", "标出所有{many}", "把所有{many}都框出来。"]),
    "relation": (
        ["Is the {first} {side} the {second}?", "Is the {first} {side} the {second}", "Does the {first} lie {side} the {second}?", "the {first} is {side} the {second}, right?"],
        ["{first}在{second}的{side}吗？", "{first}是不是在{second}的{side}？", "{first}在{second}{side}吗", "{first}在不在{second}的{side}？"]),
    "size": (
        ["Which is {more}, the {first} or the {second}?", "What is {more}, the {first} or the {second}?", "Is the {first} or the {second} {more}?", "{more}: the {first} or the {second}?"],
        ["{first}和{second}哪个更{more}？", "{first}与{second}，哪个{more}？", "哪个更{more}，{first}还是{second}？", "{first}和{second}比，哪个{more}一些？"]),
    "outermost": (
        ["What is the {most} shape?", "Which shape is {far}?", "What is the {most} one?", "Which one is {far}?", "the {most} shape", "What shape is {far}?"],
        ["{most}的是什么？", "{most}是什么图形？", "{most}是什么", "{most}的图形是哪个？", "哪个图形在{most}？"]),
    "describe": (
        ["What do you see?", "Describe the picture.", "What is in the picture?", "Describe this image.", "What is here?", "What is this?", "What's this", "describe this",
         "What is this picture?", "What can you see here?", "Tell me what you see.", "What does the picture show?", "?", "What's in it?", "whats here", "Look at this.",
         "describe it please", "What is shown here?", "and this?", "What about this one?", "explain this picture", "Can you describe this picture?"],
        ["你看到了什么？", "描述一下图片。", "图里有什么？", "描述这张图。", "这是什么？", "这是什么", "这里有什么？", "看看这张图", "图片里是什么？", "？", "这张图是什么？", "说说这张图",
         "看到什么了", "描述一下", "介绍一下这张图片", "这个呢？", "那这张呢？", "图上是什么", "讲讲图里的内容。", "你能看到什么？", "这个图说的是什么？", "里面有什么"]),
    "kind": (
        ["What kind of picture is this?", "What type of picture is it?", "What sort of picture is this?", "kind of picture?", "Which kind of image is this?", "What type of image is this"],
        ["这是什么图？", "这是一张什么样的图？", "图片是什么类型？", "什么类型的图？", "这张图属于哪一种？", "是哪种图"]),
    "read": (
        ["What does it say?", "Read the text.", "What is written here?", "What is the text?", "read it", "What's written?", "Read this to me.", "What does the text say?",
         "What words are in the picture?", "text?", "Which words do you see?", "Read the words."],
        ["写的是什么？", "读一下文字。", "图上写了什么？", "文字是什么？", "写了啥", "读出来", "上面写着什么？", "念一下图里的字。", "图里的文字是什么", "有什么字？", "这写的什么"]),
    "read number": (
        ["What number is shown?", "What is the number?", "Which number do you see?", "number?", "Read the number.", "What number is it?", "Tell me the number.", "Which number is written here?"],
        ["显示的数字是多少？", "数字是多少？", "图里的数字是几？", "是什么数字", "读一下数字。", "数字是几", "这个数是多少？", "写的数字是什么？"]),
    "ink": (
        ["What colour is the text?", "Which colour are the letters?", "What color is the writing?", "colour of the text", "What colour are the words?", "In which colour is it written?"],
        ["文字是什么颜色？", "字是什么颜色的？", "字的颜色是什么", "文字的颜色？", "用什么颜色写的？", "这些字什么颜色"]),
    "read line": (
        ["What is the {nth} line?", "What does the {end} line say?", "Read the {nth} line.", "{nth} line?", "What is written in the {end} line?", "Which text is in the {nth} line?"],
        ["{nth}写的是什么？", "{end}写的是什么？", "读一下{nth}。", "{nth}是什么", "{end}的字是什么？", "{end}一行写了什么？"]),
    "count lines": (
        ["How many lines of text are there?", "How many lines are there?", "How many lines of text do you see?", "count the lines of text", "number of text lines"],
        ["有几行字？", "文字有几行？", "一共几行字", "字有多少行？", "数一数有几行文字。"]),
    "read by colour": (
        ["What does the {colour} text say?", "Which word is {colour}?", "Read the {colour} text.", "What is written in {colour}?", "the {colour} word?", "What are the {colour} letters?"],
        ["{colour}的字是什么？", "{colour}的文字写的是什么？", "{colour}写的是什么", "读一下{colour}的字。", "哪个词是{colour}的？", "用{colour}写了什么？"]),
    "box of text": (
        ["<|ref|>{word}<|/ref|>.", "Locate <|ref|>{word}<|/ref|>.", "Find <|ref|>{word}<|/ref|>."],
        ["<|ref|>{word}<|/ref|>.", "定位<|ref|>{word}<|/ref|>。", "框出<|ref|>{word}<|/ref|>。"]),
    "chart title": (
        ["What is the title of the chart?", "What is the chart about?", "title?", "What is the title?", "Read the title of the chart.", "What does the chart show?", "What title does it have?"],
        ["图表的标题是什么？", "这张图表说的是什么？", "标题是什么", "图表标题？", "读一下标题。", "这个图表是关于什么的？", "标题写的什么"]),
    "count bars": (
        ["How many bars are there?", "Count the bars.", "How many bars?", "How many bars do you see?", "number of bars", "How many bars does the chart have?"],
        ["有几根柱子？", "柱子有多少根？", "几根柱子", "数一数柱子。", "一共有多少根柱子？", "柱子的数量是多少"]),
    "highest bar": (
        ["Which bar is the highest?", "Which has the highest value?", "What is the largest?", "highest bar?", "Which one is the highest?", "Which bar is the tallest?",
         "What has the most?", "Which is the biggest?", "the tallest bar"],
        ["哪根柱子最高？", "哪一个最高？", "哪个数值最大？", "最高的是哪个", "最高的柱子是哪根？", "哪个最大？", "谁最高", "数值最高的是什么？"]),
    "lowest bar": (
        ["Which bar is the lowest?", "Which has the lowest value?", "What is the smallest?", "lowest bar?", "Which one is the lowest?", "Which bar is the shortest?",
         "What has the least?", "Which is the smallest?", "the shortest bar"],
        ["哪根柱子最低？", "哪一个最低？", "哪个数值最小？", "最低的是哪个", "最低的柱子是哪根？", "哪个最小？", "谁最低", "数值最低的是什么？"]),
    "compare bars": (
        ["Is {a} higher than {b}?", "Is {a} more than {b}?", "Is the bar of {a} higher than that of {b}?", "{a} higher than {b}?", "Is {a} larger than {b}?"],
        ["{a}比{b}高吗？", "{a}比{b}大吗？", "{a}是不是比{b}高？", "{a}高于{b}吗", "{a}的柱子比{b}的高吗？"]),
    "bar value": (
        ["What is the value of {label}?", "How much is {label}?", "value of {label}", "What is {label}?", "How many for {label}?", "What number has {label}?", "Tell me the value of {label}."],
        ["{label}的数值是多少？", "{label}是多少？", "{label}多少", "{label}的值是几？", "{label}的数是什么？", "{label}有多少？"]),
    "bar colour": (
        ["What colour is the bar of {label}?", "Which colour has {label}?", "colour of {label}?", "What color is {label}?", "What colour does the bar {label} have?"],
        ["{label}的柱子是什么颜色？", "{label}是什么颜色的？", "{label}什么颜色", "{label}那根柱子的颜色是什么？", "{label}柱的颜色？"]),
    "count slices": (
        ["How many slices are there?", "How many parts does it have?", "How many slices?", "Count the slices.", "number of slices", "How many pieces does the pie have?"],
        ["有几块？", "分成了几部分？", "几块", "饼图有几块？", "一共分成几份？", "数一数有几块。"]),
    "largest slice": (
        ["Which colour is the largest slice?", "Which slice is the largest?", "largest slice?", "What is the biggest slice?", "Which part is the largest?", "Which colour has the most?"],
        ["最大的一块是什么颜色？", "哪种颜色最多？", "最大的是哪块", "哪一块最大？", "什么颜色占得最多？", "最大的部分是什么颜色？"]),
    "smallest slice": (
        ["Which colour is the smallest slice?", "Which slice is the smallest?", "smallest slice?", "What is the tiniest slice?", "Which part is the smallest?", "Which colour has the least?"],
        ["最小的一块是什么颜色？", "哪种颜色最少？", "最小的是哪块", "哪一块最小？", "什么颜色占得最少？", "最小的部分是什么颜色？"]),
    "half": (
        ["Is {colour} more than half?", "Is the {colour} slice more than half?", "Does {colour} take more than half?", "{colour} more than half?", "Is more than half {colour}?"],
        ["{colour}超过一半吗？", "{colour}有没有超过一半？", "{colour}的部分超过一半吗", "{colour}多于一半吗？", "一半以上是{colour}吗？"]),
    "count curves": (
        ["How many lines are in the chart?", "How many lines does the chart have?", "How many curves are there?", "How many lines does the chart show?", "number of lines in the chart"],
        ["有几条线？", "图表里有多少条线？", "几条线", "数一数有几条线。", "折线有几条？"]),
    "line colour": (
        ["What colour is the line?", "colour of the line?", "Which colour has the line?", "What color is the curve?", "Tell me the colour of the line."],
        ["线是什么颜色？", "折线是什么颜色？", "线的颜色", "这条线是什么颜色的？", "曲线是什么颜色"]),
    "trend": (
        ["Does the line go up or down?", "Is it rising or falling?", "up or down?", "Does it go up?", "What is the trend?", "Is the line going up or down?"],
        ["是上升还是下降？", "折线在上升还是下降？", "上升还是下降", "趋势是什么？", "线是往上还是往下？", "它在涨还是在跌？"]),
    "trend of": (
        ["Does the {colour} line go up or down?", "Is the {colour} line rising or falling?", "{colour} line: up or down?", "What is the trend of the {colour} line?"],
        ["{colour}的线是上升还是下降？", "{colour}线是往上还是往下？", "{colour}的折线趋势是什么？", "{colour}那条线在涨还是在跌？"]),
    "screen page": (
        ["Which page is open?", "Which page of the app is this?", "What page is shown?", "which page?", "What page am I on?", "Which page do you see?"],
        ["打开的是哪个页面？", "这是哪个页面？", "现在显示的是哪一页？", "哪个页面", "我在哪个页面？", "这是应用的哪一页？"]),
    "screen theme": (
        ["Is the theme light or dark?", "Light or dark theme?", "Is this light or dark mode?", "light or dark?", "Which theme is it?", "Is the window dark or light?"],
        ["是浅色还是深色主题？", "主题是深色还是浅色？", "是深色模式还是浅色模式？", "深色还是浅色", "用的是什么主题？", "窗口是深色的还是浅色的？"]),
    "screen language": (
        ["Which language is the window in?", "What language is the text?", "Is the window in English or Chinese?", "English or Chinese?", "Which language does the window use?", "what language is it"],
        ["窗口是什么语言？", "界面用的是什么语言？", "界面是中文还是英文？", "中文还是英文", "窗口里是哪种语言？", "是什么语言"]),
    "screen app": (
        ["Which app is this?", "What app is shown?", "What program is this?", "which program?", "What is the name of the app?", "What software is it?"],
        ["这是什么应用？", "这是哪个软件？", "图里是什么程序？", "什么软件", "应用叫什么名字？", "是哪个程序的窗口？"]),
}

#: Put before or behind a question; the answer stays the same.
BEFORE = (["Please tell me: ", "Hey, ", "OK, ", "Now ", "And ", "Can you tell me: ", "Thanks. ", "Next: ", "So, ", "I wonder: ", "Hi! ", "Great, ", "One more: ", "Quick question: "],
          ["请问", "那", "好的，", "帮我看看，", "告诉我，", "谢谢。", "那么，", "接下来，", "你好，", "嗯，", "再问一个：", "麻烦你，", "不错，", "我想知道"])
BEHIND = ([" Thanks.", " please", " Short answer.", " In English please.", "?", "!", "??"], ["谢谢", "，谢谢！", "呀", "？？", "。", "请用中文回答。", "!"])

#: An earlier picture, by its number in the chat or from the end.
NTH = (["first", "second", "third", "fourth"], ["第一", "第二", "第三", "第四"])
ABOUT_MORE = (
    ["[in|on|for|about|of|regarding|from|as for|with|concerning|at] [the|my|that] {nth} [picture|image|photo|one|pic|drawing][:|,|] {q}", "{nth} [picture|image|photo|pic|one][:|,| -|.] {q}", "{q} [in|on|for|of|at] the {nth} [picture|image|photo|one|pic]",
     "[now|and|again|look at|see|take|remember|go to|I mean|what about|go back to|turn to|now to|question about] the {nth} [picture|image|photo|one][:|,|.|?] {q}", "[picture|image|photo|pic] [number |no. |nr |#|]{n}[:|,|.| -] {q}", "{q} [picture|image|photo] {n}[?|]"],
    ["[在|看|关于|对于|就|那|再说|请看|回看|我说的是|再问|回头看|说到|至于|针对|]{nth}[张|个|幅][图|图片|照片|画][里|中|上|里面|，|：|呢，|的|]{q}", "{q}[，|]（?{nth}张[图|图片|照片]".replace("（?", ""), "[图|图片|照片|第]{n}[张|][：|，|里|中]{q}", "[我问的是|我说的是|指的是|是说]{nth}张[图|图片|照片][，|：]{q}"])
NEWEST = (["[in|on|for|about|of] [the|my] [last|latest|newest|current|most recent|new] [picture|image|photo|one][:|,] {q}", "{q} [in|on] the [last|latest|newest|current|new] [picture|image|photo|one]", "[last|latest|newest|current|new] [picture|image|photo][:|,] {q}"],
          ["[在|看|关于|]?[最后|最新|最近|刚才|刚发的|新的|现在这|这][一|]张[图|图片|照片][里|，|：|中]{q}".replace("]?", "]"), "[刚发的|最新的|最后的][图|图片|照片][里|，|：]{q}"])
ABOUT = (["In the {nth} picture: {q}", "{nth} picture: {q}", "{q} (in the {nth} picture)", "About the {nth} picture: {q}", "In the {nth} image, {q}", "Look at the {nth} picture. {q}", "picture {n}: {q}"],
         ["{nth}张图：{q}", "{nth}张图里，{q}", "看{nth}张图，{q}", "关于{nth}张图片：{q}", "{nth}张图片，{q}", "在{nth}张图中，{q}", "图{n}：{q}"])
BEFORE_LAST = (["In the picture before: {q}", "In the previous picture: {q}", "the picture before this one: {q}", "{q} (previous picture)"],
               ["上一张图：{q}", "前一张图里，{q}", "上一张图片，{q}", "看前面那张图，{q}"])


def bare(text):
    """Without what does not make another phrasing: case, spaces, marks."""
    return re.sub(r"[\W_]+", "", text.lower())


@functools.cache
def measured():
    """The phrasings that measure, bare."""
    import heldout
    lists = [*heldout.ASK.values(), *heldout.GENERAL.values(), heldout.NO_PICTURE, heldout.STRANGE]
    return {bare(text) for both in lists for side in both for text in side}


def worded(rng, listed, more, zh):
    """A phrasing from the list or made from a form, none that measures."""
    while True:
        text = rng.choice(listed) if not more or rng.random() < 0.3 else grammar.expanded(rng, rng.choice(more), zh)
        if bare(text) not in measured() or not bare(text):
            return text


def asked(rng, fact, lang, bank=ASK):
    zh = lang == "zh"
    task = fact.get("as", fact["task"])
    slots = dict(fact["slots"][zh]) if fact["slots"] else {}
    q = worded(rng, ASK[task][zh], grammar.MORE[task][zh], zh) if bank is ASK else rng.choice(bank[task][zh])
    return dict(task=fact["task"], lang=lang, q=q, slots=slots, a=fact["a"][zh])


def filled(turn):
    """The turn with its slots written out; `q` may hold the letters of a slot's mark."""
    q = turn["q"]
    for name, value in turn.pop("slots", {}).items():
        q = q.replace("{" + name + "}", value)
    return dict(turn, q=q)


LETTERS = "abcdefghijklmnopqrstuvwxyz"


def mistyped(rng, text):
    """One slip of the finger in a word of four letters or more, never in a slot or a mark."""
    words = text.split(" ")
    can = [i for i, w in enumerate(words) if len(w) > 3 and w.strip("?.,!:").isalpha() and w.isascii()]
    if not can:
        return text
    at = rng.choice(can)
    word = list(words[at])
    i = rng.randrange(1, len(word) - 1)
    slip = rng.randrange(4)
    if slip == 0:
        del word[i]
    elif slip == 1:
        word[i], word[i - 1] = word[i - 1], word[i]
    elif slip == 2:
        word.insert(i, word[i])
    else:
        word[i] = rng.choice(LETTERS)
    words[at] = "".join(word)
    return " ".join(words)


FILLERS = (["the", "a", "just", "really", "so", "now", "then", "it", "there", "here", "please", "is", "do", "of", "in", "you", "me", "this", "that", "and", "ok", "actually", "exactly", "well", "maybe"],
           list("的了呢吧啊呀就是在有这那个都也还再请你我看一下") + ["一下", "到底", "其实", "大概", "具体", "现在", "究竟"])


def garbled(rng, q, zh):
    """A word too few or too many, never a slot: what is asked for is known by a few words."""
    parts = re.findall(r"\{\w+\}|." if zh else r"\S+", q)
    free = [i for i, part in enumerate(parts) if "{" not in part]
    if rng.random() < 0.5 and len(parts) > 4 and free:
        del parts[rng.choice(free)]
    else:
        parts.insert(rng.randrange(len(parts) + 1), rng.choice(FILLERS[zh]))
    return ("" if zh else " ").join(parts)


def roughened(rng, turn):
    """As people type: with a word before, without the mark at the end, without capitals, mistyped."""
    q, zh = turn["q"], turn["lang"] == "zh"
    if "<|" in q:
        return filled(turn)
    if rng.random() < 0.15 and len(q) > 3:
        q = garbled(rng, q, zh)
    if rng.random() < 0.12 and len(q) > 3:
        q = rng.choice(BEFORE[zh]) + (q if zh or rng.random() < 0.4 else q[0].lower() + q[1:])
    if rng.random() < 0.06:
        q = q.rstrip("?？.。") + rng.choice(BEHIND[zh])
    if rng.random() < 0.08:
        q = mistyped(rng, q)
    roll = rng.random()
    if roll < 0.16 and len(q) > 1:
        q = q.rstrip("?？.。")
    elif roll < 0.28:
        q = q.lower()
    elif roll < 0.31:
        q = q.upper() if "{" not in q else q
    elif roll < 0.34 and zh:
        q = q.replace("？", "?")
    return filled(dict(turn, q=q))
