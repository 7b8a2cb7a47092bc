"""Questions and answers: reads data/*.toml and data/questions-*.txt and widens each question into many ways of asking it.

A fact has answers `en` and `zh`, whole questions (`q`), things to do (`how`), things to explain (`what`) and hardware
(`fit`), which the patterns below turn into questions. data/heldout.jsonl and data/strange.jsonl are never read here.
"""
import math
import pathlib
import re
import tomllib

DATA = pathlib.Path(__file__).parent / "data"
PATTERNS = {
    "how_en": ["How do I {}?", "How can I {}?", "How to {}?", "I want to {}.", "What is the way to {}?", "Help me {}.", "Where do I {}?",
               "Can I {}?", "Is it possible to {}?", "I need to {}, what do I do?", "Show me how to {}.", "Where can I {}?", "{}",
               "What do I click to {}?", "What are the steps to {}?", "Is there a way to {}?", "How does one {}?", "I'd like to {}",
               "I can't figure out how to {}", "What should I do to {}?", "What's the best way to {}?", "Does Whaledeck let me {}?", "Which button do I press to {}?", "{}, how?", "Any way to {}?",
               "I'm trying to {}", "Could you explain how to {}?", "Please tell me how to {}", "Where's the option to {}?", "Which page lets me {}?",
               "Would it be possible to {}?", "Walk me through how to {}", "I have to {}, how?", "Where would I {}?", "How would I {}?",
               "How could I {}?", "Am I able to {}?", "Teach me how to {}", "What do I have to do to {}?", "Let me {}", "Could I {}?",
               "Which steps are needed to {}?", "Can you tell me the way to {}?", "How exactly do I {}?", "How should I {}?", "Is there a button to {}?",
               "I was wondering how to {}", "Is there any chance to {}?", "Would you mind telling me how to {}?", "Suppose I want to {}", "Say I want to {}, how?",
               "My goal is to {}", "I'm looking for a way to {}", "{}, is that possible?", "It should be possible to {}, but how?", "I plan to {}", "I would love to {}",
               "How does a beginner {}?", "How do people {} here?", "Let's {}", "Please {}", "Now {}", "I must {}", "It's time to {}", "I don't see how to {}",
               "What is needed to {}?", "Do you know how to {}?", "can u tell me how to {}", "What do I do if I want to {}?", "I tried to {} but failed", "The way to {}?",
               "Where in the app can I {}?", "May I {}?", "How might I {}?", "I need a hand to {}", "Which setting lets me {}?", "how 2 {}", "Need to {}", "Want to {}"],
    "how_zh": ["怎么{}？", "如何{}？", "怎样{}？", "我想{}", "我要{}，该怎么做？", "在哪里{}？", "能不能{}？", "可以{}吗？", "{}", "请教我{}",
               "{}的方法是什么？", "{}要点哪里？", "怎样才能{}？", "{}的步骤有哪些？", "{}怎么弄？", "{}怎么操作？", "有办法{}吗？", "哪里可以{}？", "想{}怎么办？", "Whaledeck 可以{}吗？", "{}，怎么做？", "{}点哪个按钮？", "我该怎么{}？", "告诉我怎么{}", "请问怎么{}？", "{}要怎么操作？", "要{}的话点哪里？",
               "教教我{}", "哪个页面能{}？", "我需要{}", "准备{}，怎么弄？", "{}在哪里？", "{}在哪儿弄？", "麻烦说下怎么{}", "可不可以{}？", "能帮我{}吗？", "能{}吗？", "应该如何{}？", "我打算{}",
               "有什么方式{}？", "要是想{}呢？", "能告诉我怎么{}吗？", "不知道怎么{}", "找不到{}的地方", "{}有什么办法？", "怎么才可以{}？", "请{}", "帮忙{}", "{}可行吗？", "{}行不行？",
               "新手怎么{}？", "我试着{}，没成功", "{}该点什么？", "有没有{}的功能？", "{}要去哪里？", "如果我要{}呢？", "求教怎么{}", "是不是可以{}？", "具体怎么{}？", "现在要{}"],
    "what_en": ["What is {}?", "What's {}?", "Explain {}.", "What does {} mean?", "Tell me about {}.", "{}?", "{}", "Can you explain {}?",
                "I don't understand {}.", "What are {}?", "Describe {} in simple words.", "What is meant by {}?", "How does {} work?",
                "Please define {}.", "Give me a short explanation of {}.", "Why {}?", "What should I know about {}?", "meaning of {}",
                "Could you tell me what {} is?", "What is the point of {}?", "What do you know about {}?", "What does {} do?",
                "What exactly is {}?", "Could you explain {} to me?", "I keep reading about {}, what is it?", "In simple words, what is {}?", "Explain {} to me",
                "What's the idea of {}?", "What's {} good for?", "What is {} for?", "Can you describe {}?", "Give me an idea of {}", "I'd like to understand {}",
                "Info on {}", "Say something about {}", "{}, what is that?", "What's meant by {}?", "Break down {} for me", "Who or what is {}?", "Give me the gist of {}",
                "I've heard of {}, what is it?", "Could someone explain {}?", "People talk about {}. What is it?", "Tell a beginner about {}", "How would you explain {}?",
                "Why does {} matter?", "I'm curious about {}", "Teach me about {}", "Do you know {}?", "What is special about {}?", "What's this about {}?",
                "{} explained", "Never heard of {}", "I wonder what {} is", "What should a beginner know about {}?", "{}, please explain", "Is {} important?"],
    "what_zh": ["什么是{}？", "{}是什么？", "{}是什么意思？", "解释一下{}", "介绍一下{}", "{}？", "{}", "讲讲{}", "{}有什么用？", "我不懂{}", "{}怎么理解？",
                "能说说{}吗？", "{}指的是什么？", "请说明{}", "{}的含义", "关于{}你知道什么？", "简单说说{}", "{}是啥？", "{}的原理是什么？", "{}是干什么的？",
                "{}到底是什么？", "给我解释{}", "经常看到{}，是什么意思？", "用简单的话说，{}是什么？", "我想了解{}", "{}，这是什么？", "能介绍下{}吗？", "说明一下{}", "什么叫{}？",
                "请问{}是什么？", "{}是怎么回事？", "请解释{}", "你知道{}吗？", "帮我理解{}", "讲一下{}", "{}是个什么东西？", "聊聊{}",
                "听说过{}，是什么？", "给新手讲讲{}", "{}为什么重要？", "我对{}很好奇", "{}特别在哪？", "没听过{}", "不知道{}是什么", "{}，请解释", "大家说的{}是什么？", "{}有什么特点？", "想弄懂{}"],
    "fit_en": ["Which DeepSeek model should I run on {}?", "Which model fits {}?", "What can I run with {}?", "I have {}, which model?", "What model for {}?",
               "{}", "Which DeepSeek fits on {}?", "Best model for {}", "What is the best DeepSeek model for {}?", "Can {} run DeepSeek?", "I own {}. What should I download?",
               "Is {} enough for DeepSeek?", "What is the largest model for {}?", "Recommend a model for {}", "My computer has {}, what can it run?", "Which R1 distill works on {}?",
               "What would you choose for {}?", "Suggest a DeepSeek model for {}", "{}: which model?", "I've got {}, what runs well?", "We have {} here, which model is right?",
               "{}, any recommendation?", "{} here, what now?", "What's a good choice for {}?", "What fits on {}?", "What would fit into {}?", "Advice for {}?",
               "With {}, what do you suggest?", "I only have {}", "Just {}, what is possible?", "Model for {}", "What does {} hold?", "How large a model can {} hold?",
               "What would you put on {}?", "Something for {} please", "There is {} in my computer, what fits?", "Got {}, which one do I pick?", "What can {} run?"],
    "fit_zh": ["{}适合运行哪个 DeepSeek 模型？", "{}应该用哪个模型？", "{}能跑什么模型？", "{}推荐什么模型？", "我有{}，用哪个模型？", "{}", "{}可以运行 DeepSeek 吗？",
               "{}选哪个模型好？", "{}能跑多大的模型？", "我的电脑是{}，该下载哪个？", "{}够用吗？", "{}最好的模型是哪个？", "{}部署哪个 DeepSeek？", "用{}跑哪个 R1 蒸馏模型？",
               "{}，选什么？", "给{}推荐一个模型", "手头有{}，运行什么合适？", "{}上运行哪个版本？", "{}带得动哪个模型？", "哪个模型适合{}？", "什么模型可以在{}上跑？",
               "{}，有什么推荐？", "{}放得下什么模型？", "只有{}，怎么选？", "{}用什么", "我就{}，能用哪个？", "{}装哪个版本？", "{}的话选哪个？", "{}，该用哪个 DeepSeek？",
               "{}能放哪个模型？", "{}能装下多大的模型？", "电脑里是{}，用什么好？", "给{}选个模型", "{}可以跑什么？", "{}建议用哪个？", "{}能做什么？", "这里有{}，哪个合适？"],
}
BEFORE = {"en": ["Please tell me: ", "Hi, ", "Hello! ", "Hey, ", "Quick question: ", "Sorry, ", "Could you tell me, ", "I'm new here. ", "So ",
                 "Ok, ", "Just wondering, ", "In Whaledeck, ", "Tell me, ", "One more thing: ", "I have a question. ", "Excuse me, ", "And ", "Also, ", "Now ", "Well, ", "Hm, ", "By the way, ", "Next: ", "Thanks. ", "Good. ", "Another question: ", "Then ", "But ", "Hello Guide, ", "Question: ", "One thing: ", "I see. ", "My question: ", "Can you tell me: "],
          "zh": ["请问", "你好，", "您好，", "我想知道", "请告诉我，", "麻烦问一下，", "问一下", "那么", "再问一个：", "我是新手，", "在 Whaledeck 里，", "另外，", "想问问", "那", "还有，", "谢谢，", "好的，", "对了，", "顺便问下，", "接下来，", "嗯，", "还想问：", "有个问题：", "话说，", "再请教一下，", "明白了，", "然后，", "另外想问下，", "不好意思，"]}
AFTER = {"en": [" Thanks.", " please", " Thank you!", " in this app", " in Whaledeck", " Be brief.", " exactly", " then", " now", " here", " Please explain.", "??", "!", " In short.", " for me", " today", " on this computer"],
         "zh": ["谢谢", "，谢谢！", "呢？", "呀", "啊", "，简单说", "，拜托", "？急", "，急", "？？", "！", "，多谢", "，请说明", "哦", "呢", "，说简单点", "，在这个软件里"]}

ALIKE = {"en": [["delete", "remove", "erase", "drop"], ["change", "switch", "modify", "adjust", "set"], ["see", "view", "check", "look at"],
                ["computer", "PC", "machine", "laptop", "notebook"], ["graphics card", "GPU", "video card", "card"], ["start", "begin", "launch", "run"],
                ["answer", "reply", "response"], ["chat", "conversation", "dialogue"], ["stop", "halt", "end", "quit"], ["images", "pictures", "photos"],
                ["best", "right", "most suitable", "good"], ["need", "require"], ["big", "large"], ["disk", "drive", "hard disk", "SSD"],
                ["a model", "the model", "one of the models", "this model", "models"], ["continue", "resume", "go on with"], ["app", "program", "tool", "software"],
                ["use", "work with"], ["explain", "describe", "clarify"], ["show me", "tell me", "teach me"], ["which", "what"], ["pick", "choose", "select"]],
         "zh": [["怎么", "如何", "怎样", "咋"], ["电脑", "机器", "计算机", "笔记本"], ["显卡", "GPU"], ["对话", "聊天", "会话"], ["回答", "回复", "答案"],
                ["删除", "删掉", "移除", "去掉", "清除"], ["更改", "修改", "改变", "调整", "换"], ["停止", "停下", "中断", "停掉"], ["继续", "恢复", "接着"],
                ["哪里", "哪儿", "什么地方", "哪"], ["哪个", "哪一个", "什么", "哪款"], ["图片", "图像", "照片"], ["软件", "程序", "应用", "工具"], ["需要", "要"],
                ["什么是", "啥是", "何谓"], ["硬盘", "磁盘"], ["适合", "能带动", "可以跑", "推荐"], ["能不能", "可不可以", "能否"], ["解释一下", "讲解一下", "说明一下"], ["运行", "跑", "启动"]]}

CHINESE = re.compile("[一-龥]")
CHOICE = re.compile(r"\{([^{}]*)\}")
WORDS = (DATA / "words.txt").read_text("utf-8").split()
COMMON = [bytes((a, b)).decode("gb2312") for a in range(0xB0, 0xD7) for b in range(0xA1, 0xFF)]  # the 3,700 usual characters
SOUNDS = ["ba", "cor", "del", "fin", "gra", "hul", "ish", "jo", "kel", "lum", "mar", "nor", "o", "pra", "qui", "ro", "sten", "tu", "ul", "ver", "wa", "xi", "yo", "zan"]


def options(text):
    """The alternatives of the group that `text` begins with, and what comes after it; groups may hold groups."""
    depth, start, found = 0, 1, []
    for i, c in enumerate(text):
        depth += (c == "{") - (c == "}")
        if depth == 1 and c == "|" or depth == 0:
            found.append(text[start:i])
            start = i + 1
        if depth == 0:
            return found, text[i + 1:]
    raise ValueError(text)


def parts(text, kind):
    """A line as templates of one language each: a line may hold whole questions of both, and long ones are split."""
    whole = "zh" if CHINESE.search(text) or (kind == "fit" and text.endswith("| 显卡|显卡}")) else "en"
    if not text.startswith("{"):
        return [(text, whole)]
    first, rest = options(text)
    if CHINESE.search(rest):
        return [(text, whole)]
    if any("{" in one for one in first):
        return [(one + rest, "zh" if CHINESE.search(one) else "en") for one in first]
    out = []
    for lang in ("en", "zh"):
        mine = [one for one in first if (CHINESE.search(one) is not None) == (lang == "zh")]
        if mine and whole == "zh":
            out.append(("{" + "|".join(mine) + "}" + rest, lang))
    return out or [(text, whole)]


def facts():
    """id -> fact, with the templates of each language as a list of (kind, text, how often it is chosen)."""
    found = {}
    for path in sorted(DATA.glob("*.toml")):
        for name, fact in tomllib.loads(path.read_text("utf-8"))["fact"].items():
            ways = {lang: [(kind, text, 1.0) for kind in ("how", "what", "fit", "q") for text in fact.get(f"{kind}_{lang}", [])]
                    for lang in ("en", "zh")}
            found[name] = dict(en=fact["en"], zh=fact["zh"], ways=ways)
    for path in sorted(DATA.glob("questions-*.txt")):
        name = None
        for line in path.read_text("utf-8").splitlines():
            if line.startswith("["):
                name = line.strip("[]")
            elif line and not line.startswith("#"):
                kind, text = line.split(" ", 1)
                for part, lang in parts(text, kind):
                    many = math.prod(len(c.split("|")) for c in CHOICE.findall(part))
                    found[name]["ways"][lang].append((kind, part, 1 + math.log2(many)))
    return found


def by_chance(rng, lang):
    if lang == "zh":
        if rng.random() < 0.1:
            return rng.choice(WORDS)
        return "".join(rng.choice(COMMON) for _ in range(rng.choice((1, 2, 2, 2, 3, 4))))
    kind = rng.random()
    if kind < 0.75:
        word = rng.choice(WORDS)
        return word + ("s" if rng.random() < 0.2 else "")
    if kind < 0.9:
        return "".join(rng.choice(SOUNDS) for _ in range(rng.choice((2, 2, 3))))
    return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(3, 7)))


def fill(text, rng, lang):
    while "{" in text:
        text = CHOICE.sub(lambda m: rng.choice(m[1].split("|")), text)
    if "~" in text:
        text = re.sub("~", lambda m: by_chance(rng, lang), text)
    return re.sub("#", lambda m: str(rng.choice((rng.randint(2, 20), rng.randint(2, 400), rng.randint(100, 9000)))), text)


def slip(text, rng, lang):
    """One typing slip: a letter lost, doubled or swapped, a word lost."""
    if len(text) < 8:
        return text
    if lang == "en" and rng.random() < 0.3:
        words = text.split(" ")
        if len(words) > 4:
            words.pop(rng.randrange(len(words) - 1))
        return " ".join(words)
    i, kind = rng.randrange(1, len(text) - 1), rng.random()
    if any(c.isdigit() for c in text[max(i - 2, 0):i + 3]):
        return text
    if kind < 0.4:
        return text[:i] + text[i + 1:]
    return text[:i] + (text[i + 1] + text[i] + text[i + 2:] if kind < 0.7 else text[i] * 2 + text[i + 1:])


def exchange(text, rng, lang):
    """Words for others of like meaning; the result may be clumsy, as questions are."""
    for group in rng.sample(ALIKE[lang], len(ALIKE[lang])):
        for word in group:
            if lang == "zh" and word in text or f" {word} " in f" {text} ":
                if rng.random() < 0.5:
                    text = text.replace(word, rng.choice(group), 1)
                break
    return text


def widen(fact, name, rng, lang):
    kind, text, _ = rng.choices(fact["ways"][lang], fact["weights"][lang])[0]
    text = fill(text, rng, lang)
    if kind != "q":
        text = rng.choice(PATTERNS[f"{kind}_{lang}"]).replace("{}", text)
    plain = name in ("unknown", "hello", "thanks", "bye", "more", "sure")
    if rng.random() < 0.3 and not plain:
        text = exchange(text, rng, lang)
    if rng.random() < (0.12 if plain else 0.25):
        head = rng.choice(BEFORE[lang])
        text = head + (text[:1].lower() + text[1:] if lang == "en" and text[1:2].islower() else text)
    if rng.random() < (0.05 if plain else 0.15):
        text = text.rstrip("?？.。") + rng.choice(AFTER[lang])
    slips = rng.random()
    if slips < 0.22:
        text = slip(text, rng, lang)
        if slips < 0.06:
            text = slip(text, rng, lang)
    if rng.random() < 0.3:
        text = text.lower()
    if rng.random() < 0.35:
        text = text.rstrip("?？.。!！")
    elif lang == "zh" and rng.random() < 0.2:
        text = text.replace("？", "?").replace("，", ",")
    if lang == "zh" and rng.random() < 0.3:
        text = text.replace(" ", "")
    return text.strip() or fact["ways"][lang][0][1]


def bare(question):
    return "".join(c for c in question.lower() if c.isalnum())
