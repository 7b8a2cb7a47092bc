"""Questions and answers: reads data/*.toml and widens each question into many ways of asking it.

A fact has answers `en` and `zh`, whole questions (`q_en`, `q_zh`), things to do (`how_en`, `how_zh`) things to
explain (`what_en`, `what_zh`) and hardware (`fit_en`, `fit_zh`), which the patterns below turn into questions.
data/heldout.jsonl is never read here.
"""
import pathlib
import tomllib

DATA = pathlib.Path(__file__).parent / "data"
PATTERNS = {
    "how_en": ["How do I {}?", "How can I {}?", "How to {}?", "I want to {}.", "What is the way to {}?", "Help me {}.", "Where do I {}?",
               "Can I {}?", "Is it possible to {}?", "I need to {}, what do I do?", "Show me how to {}.", "Where can I {}?", "{}",
               "What do I click to {}?", "What are the steps to {}?", "Is there a way to {}?", "How does one {}?", "I'd like to {}",
               "I can't figure out how to {}", "What should I do to {}?", "What's the best way to {}?", "Does Whaledeck let me {}?"],
    "how_zh": ["怎么{}？", "如何{}？", "怎样{}？", "我想{}", "我要{}，该怎么做？", "在哪里{}？", "能不能{}？", "可以{}吗？", "{}", "请教我{}",
               "{}的方法是什么？", "{}要点哪里？", "怎样才能{}？", "{}的步骤有哪些？", "{}怎么弄？", "{}怎么操作？", "有办法{}吗？", "哪里可以{}？", "想{}怎么办？", "Whaledeck 可以{}吗？"],
    "what_en": ["What is {}?", "What's {}?", "Explain {}.", "What does {} mean?", "Tell me about {}.", "{}?", "{}", "Can you explain {}?",
                "I don't understand {}.", "What are {}?", "Describe {} in simple words.", "What is meant by {}?", "How does {} work?",
                "Please define {}.", "Give me a short explanation of {}.", "Why {}?", "What should I know about {}?", "meaning of {}",
                "Could you tell me what {} is?", "What is the point of {}?", "What do you know about {}?", "What does {} do?"],
    "what_zh": ["什么是{}？", "{}是什么？", "{}是什么意思？", "解释一下{}", "介绍一下{}", "{}？", "{}", "讲讲{}", "{}有什么用？", "我不懂{}", "{}怎么理解？",
                "能说说{}吗？", "{}指的是什么？", "请说明{}", "{}的含义", "关于{}你知道什么？", "简单说说{}", "{}是啥？", "{}的原理是什么？", "{}是干什么的？"],
    "fit_en": ["Which DeepSeek model should I run on {}?", "Which model fits {}?", "What can I run with {}?", "I have {}, which model?", "What model for {}?",
               "{}", "Which DeepSeek fits on {}?", "Best model for {}", "What is the best DeepSeek model for {}?", "Can {} run DeepSeek?", "I own {}. What should I download?",
               "Is {} enough for DeepSeek?", "What is the largest model for {}?", "Recommend a model for {}", "My computer has {}, what can it run?", "Which R1 distill works on {}?",
               "What would you choose for {}?", "Suggest a DeepSeek model for {}", "{}: which model?", "I've got {}, what runs well?", "We have {} here, which model is right?"],
    "fit_zh": ["{}适合运行哪个 DeepSeek 模型？", "{}应该用哪个模型？", "{}能跑什么模型？", "{}推荐什么模型？", "我有{}，用哪个模型？", "{}", "{}可以运行 DeepSeek 吗？",
               "{}选哪个模型好？", "{}能跑多大的模型？", "我的电脑是{}，该下载哪个？", "{}够用吗？", "{}最好的模型是哪个？", "{}部署哪个 DeepSeek？", "用{}跑哪个 R1 蒸馏模型？",
               "{}，选什么？", "给{}推荐一个模型", "手头有{}，运行什么合适？", "{}上运行哪个版本？", "{}带得动哪个模型？", "哪个模型适合{}？", "什么模型可以在{}上跑？"],
}
BEFORE = {"en": ["Please tell me: ", "Hi, ", "Hello! ", "Hey, ", "Quick question: ", "Sorry, ", "Could you tell me, ", "I'm new here. ", "So ",
                 "Ok, ", "Just wondering, ", "In Whaledeck, ", "Tell me, ", "One more thing: ", "I have a question. ", "Excuse me, ", "And ", "Also, ", "Now "],
          "zh": ["请问", "你好，", "您好，", "我想知道", "请告诉我，", "麻烦问一下，", "问一下", "那么", "再问一个：", "我是新手，", "在 Whaledeck 里，", "另外，", "想问问", "那", "还有，"]}
AFTER = {"en": [" Thanks.", " please", " Thank you!", " in this app", " in Whaledeck", " Be brief.", " exactly", " then", " now", " here"],
         "zh": ["谢谢", "，谢谢！", "呢？", "呀", "啊", "，简单说", "，拜托", "？急", "吗"]}

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


def facts():
    for path in sorted(DATA.glob("*.toml")):
        for fact in tomllib.loads(path.read_text("utf-8"))["fact"]:
            yield fact


def questions(fact, lang):
    """Whole questions first: they are chosen as often as the patterns, which are many more."""
    whole = list(fact.get(f"q_{lang}", []))
    made = [p.format(x) for kind in ("how", "what", "fit") for x in fact.get(f"{kind}_{lang}", []) for p in PATTERNS[f"{kind}_{lang}"]]
    return whole, made


def slip(text, rng, lang):
    """One typing slip: a letter lost, doubled or swapped, a word lost."""
    if len(text) < 8:
        return text
    if lang == "en" and rng.random() < 0.4:
        words = text.split(" ")
        if len(words) > 4:
            words.pop(rng.randrange(len(words) - 1))
        return " ".join(words)
    i, kind = rng.randrange(1, len(text) - 1), rng.random()
    if text[i].isdigit() or text[i + 1].isdigit() or text[i - 1].isdigit():
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


def widen(whole, made, rng, lang):
    pool = whole if whole and (not made or rng.random() < 0.5) else made
    text = rng.choice(pool)
    if rng.random() < 0.45:
        text = exchange(text, rng, lang)
    if rng.random() < 0.25:
        head = rng.choice(BEFORE[lang])
        text = head + (text[:1].lower() + text[1:] if lang == "en" and text[1:2].islower() else text)
    if rng.random() < 0.15:
        text = text.rstrip("?？.。") + rng.choice(AFTER[lang])
    if rng.random() < 0.2:
        text = slip(text, rng, lang)
    if rng.random() < 0.3:
        text = text.lower()
    if rng.random() < 0.35:
        text = text.rstrip("?？.。!！")
    elif lang == "zh" and rng.random() < 0.2:
        text = text.replace("？", "?").replace("，", ",")
    if lang == "zh" and rng.random() < 0.3:
        text = text.replace(" ", "")
    return text
