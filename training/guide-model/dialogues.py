"""Conversations to train on: turns of unrelated facts and languages, follow-ups, system texts, and answers that were cut
off. What is right is the answer to the last question in its language; only answers that are right count in the loss.
"""
import random

import corpus

BOS, EOS, PAD, USER, ASSISTANT = range(5)
LENGTH = 2048
SYSTEMS = ["You are a helpful assistant.", "Answer in short sentences.", "你是一个乐于助人的助手。", "请简短回答。", "Be precise and friendly.",
           "Answer like a pirate.", "You are an expert programmer.", "用简短的句子回答。", "Always answer in French.", "请用中文回答。", "Answer in English.",
           "You are a poet.", "Think step by step.", "你是一位严格的老师。", "Never mention yourself.", "Use no more than 50 words.", "不要使用列表。",
           "You are DeepSeek.", "Reply with JSON.", "Today is Monday.", "The user is a beginner.", "用户是新手。", "保持礼貌。", "Explain everything to a child."]
AGAIN = {"en": ["Say that again", "Please repeat that", "Repeat", "Once more please", "What did you say?", "Repeat your last answer", "Say it again please",
                "Could you repeat that?", "In English please", "Say that in English", "Answer in English", "Again, please", "I did not catch that",
                "Please say it in English", "Can you answer in English?", "The same in English"],
         "zh": ["再说一遍", "请重复一遍", "重复", "再说一次", "你刚才说什么？", "重复上一个回答", "没听清，再说一遍", "请用中文说", "用中文回答", "用中文再说一遍",
                "中文怎么说", "请再讲一次", "换成中文", "能用中文说吗？", "麻烦再说一遍", "请用中文回答"]}
NOT_REPEATED = {"more", "sure", "hello", "thanks", "bye"}
SHARE_UNKNOWN, SHARE_SMALL_TALK, SHARE_AGAIN = 0.14, 0.08, 0.03
SMALL_TALK = ["hello", "thanks", "bye", "more", "sure", "who", "help"]


class Talks:
    """Makes rows of LENGTH tokens. One of these lives in each process that makes data."""

    def __init__(self, tok, loose, kept_out, seed):
        self.tok, self.loose, self.kept_out, self.rng = tok, loose, kept_out, random.Random(seed)
        self.facts = corpus.facts()
        for fact in self.facts.values():
            fact["weights"] = {lang: [w for _, _, w in fact["ways"][lang]] for lang in ("en", "zh")}
        self.names = [n for n in self.facts if n != "unknown" and n not in SMALL_TALK]
        self.answers = {(n, lang): tok.encode(f[lang]).ids for n, f in self.facts.items() for lang in ("en", "zh")}
        self.systems = [tok.encode(s).ids for s in SYSTEMS]

    def topic(self):
        r = self.rng.random()
        if r < SHARE_UNKNOWN:
            return "unknown"
        if r < SHARE_UNKNOWN + SHARE_SMALL_TALK:
            return self.rng.choice(SMALL_TALK)
        return self.rng.choice(self.names)

    def question(self, name, lang):
        while True:
            text = corpus.widen(self.facts[name], name, self.rng, lang)
            if corpus.bare(text) not in self.kept_out:
                return text

    def plan(self, turns, follow=True):
        """(name, language, question) of each turn."""
        rng = self.rng
        mode, out = rng.choice(("en", "zh", "both", "both")), []
        for _ in range(turns):
            lang = rng.choice(("en", "zh")) if mode == "both" else mode
            if follow and out and out[-1][0] not in NOT_REPEATED and rng.random() < SHARE_AGAIN:
                text = rng.choice(AGAIN[lang])
                out.append((out[-1][0], lang, text.lower() if rng.random() < 0.3 else text))
            else:
                name = self.topic()
                out.append((name, lang, self.question(name, lang)))
        return out

    def spoilt(self, name, lang):
        """What an earlier answer may also be: cut off, empty, in the other language, of another fact, or another model's words."""
        rng, right = self.rng, self.answers[name, lang]
        kind = rng.random()
        if kind < 0.5:
            return right[: rng.randrange(len(right))]
        if kind < 0.6:
            return []
        if kind < 0.7:
            return self.answers[name, "zh" if lang == "en" else "en"]
        if kind < 0.85:
            return self.answers[rng.choice(self.names), rng.choice(("en", "zh"))]
        return [rng.randrange(7, self.tok.get_vocab_size()) for _ in range(rng.randrange(3, 60))]

    def rows(self, count):
        """`count` rows: ids, and of each id what it counts as a target: 0 nothing, 1 a question, 2 an answer."""
        rng, plans = self.rng, []
        for _ in range(count):
            row, left = [], LENGTH
            while left > 0:
                turns = 40 if rng.random() < 0.12 else rng.randint(1, 12)
                row.append(self.plan(turns))
                left -= turns * 38
            plans.append(row)
        texts = [q for row in plans for talk in row for _, _, q in talk]
        ids = [None] * len(texts)
        for tok, part in ((self.tok, slice(0, None, 2)), (self.loose, slice(1, None, 2))):
            ids[part] = [e.ids for e in tok.encode_batch(texts[part])]
        at, out, marks = 0, [], []
        for row in plans:
            tokens, mark = [], []
            for talk in row:
                tokens.append(BOS)
                mark.append(0)
                if rng.random() < 0.2:
                    system = rng.choice(self.systems) if rng.random() < 0.8 else self.answers[rng.choice(self.names), rng.choice(("en", "zh"))]
                    tokens += system
                    mark += [0] * len(system)
                for name, lang, _ in talk:
                    question, answer, value = ids[at], self.answers[name, lang], 2
                    at += 1
                    if rng.random() < 0.1:
                        answer, value = self.spoilt(name, lang), 0
                    tokens += [USER] + question
                    mark += [0] + [1] * len(question)
                    if value or rng.random() > 0.1:  # else the question was left without any answer
                        tokens += [ASSISTANT] + answer + [EOS]
                        mark += [0] + [value] * (len(answer) + 1)
            tokens, mark = tokens[:LENGTH], mark[:LENGTH]
            short = LENGTH - len(tokens)
            out.append(tokens + [PAD] * short)
            marks.append(mark + [0] * short)
        return out, marks
