"""Chats of one to ten turns about up to three pictures that come at different turns, in languages that change from turn to turn."""
import grammar
import phrases
from draw import UNKNOWN
from general import NO_PICTURE, general_turn
from phrases import ABOUT, ASK, BEFORE_LAST, NTH

TURNS = 10


class Picture:
    """What a chat needs of a picture: what is seen of it, and what can be asked."""

    def __init__(self, tiles, grid, facts, kind):
        self.tiles, self.grid, self.facts, self.kind = tiles, grid, facts, kind


def other(lang):
    return "zh" if lang == "en" else "en"


def fact_turn(rng, picture, lang, bank=ASK, task=None, rough=True):
    facts = [f for f in picture.facts if f.get("as", f["task"]) in bank and (task is None or f["task"] == task)]
    if not facts:
        return None
    turn = phrases.asked(rng, rng.choice(facts), lang, bank)
    return phrases.roughened(rng, turn) if rough else phrases.filled(turn)


def about_earlier(rng, turn, which, shown, forms=ABOUT):
    """The question, of the picture with the number `which` of `shown`, which is not the newest."""
    zh = turn["lang"] == "zh"
    lists = forms[zh]
    if forms is ABOUT and which == shown - 2 and (shown > 2 or rng.random() < 0.3) and rng.random() < 0.4:
        lists = BEFORE_LAST[zh]
    more = phrases.ABOUT_MORE[zh]
    if forms is ABOUT and rng.random() < 0.6:
        lists = [grammar.expanded(rng, rng.choice(more), zh)]
    q = turn["q"] if zh or "<|" in turn["q"] or not turn["q"][:2].istitle() or rng.random() < 0.5 else turn["q"][0].lower() + turn["q"][1:]
    return dict(turn, q=rng.choice(lists).format(nth=NTH[zh][which], n=which + 1, q=q), about=which)


def arrivals(rng, pictures, turns):
    """At which turn each picture comes."""
    at = [0 if rng.random() < 0.75 else rng.randrange(min(4, turns))]
    for _ in pictures[1:]:
        at.append(at[-1] if rng.random() < 0.12 else min(turns - 1, at[-1] + rng.randint(1, 3)))
    return at[:len(pictures)]


def chat(rng, pictures, turns=TURNS):
    """Turns, each with the pictures that come with it (`shows`, numbers) and the picture that it asks about."""
    come = arrivals(rng, pictures, turns)
    lang, out, shown = rng.choice(("en", "zh")), [], 0
    for number in range(turns):
        if number and rng.random() < 0.35:
            lang = other(lang)
        shows = [i for i, at in enumerate(come) if at == number]
        shown += len(shows)
        out.append(dict(a_turn(rng, pictures[:shown], lang, bool(shows)), shows=shows))
    return out


def a_turn(rng, seen, lang, fresh):
    zh = lang == "zh"
    if not seen:
        return general_turn(rng, lang, False)
    roll, newest = rng.random(), seen[-1]
    if roll > 0.76 and not fresh or roll > 0.94:
        return general_turn(rng, lang, True)
    if fresh and roll < 0.03:  # a picture without a word is described, in English as nothing says otherwise
        turn = fact_turn(rng, newest, "en", task="describe")
        if turn:
            return dict(turn, q="")
    if len(seen) > 1 and not fresh and roll < 0.2:
        which = rng.randrange(len(seen) - 1)
        turn = fact_turn(rng, seen[which], lang)
        if turn and turn["task"] != "kind":
            return about_earlier(rng, turn, which, len(seen))
    if 0.2 < roll < 0.22:
        return dict(task="how many pictures", lang=lang, a=str(len(seen)), q=rng.choice(
            ["有几张图片？", "我给你看了几张图？", "一共几张图片？"] if zh else ["How many pictures are there?", "How many pictures did I show you?", "How many images do you have?"]))
    if roll < (0.4 if fresh else 0.28):
        turn = fact_turn(rng, newest, lang, task="describe")
        if turn:
            return turn
    turn = fact_turn(rng, newest, lang)
    if turn and len(seen) > 1 and rng.random() < 0.08 and turn["task"] != "kind" and "<|" not in turn["q"]:
        turn["q"] = grammar.expanded(rng, rng.choice(phrases.NEWEST[zh]), zh).replace("{q}", turn["q"])
    return turn or dict(task="unknown picture", lang=lang, q="这是什么？" if zh else "What is this?", a=UNKNOWN[zh])
