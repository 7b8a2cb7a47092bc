"""Writes the Guide's own text: every question it was taught, once in English and once in Chinese, with its answer, in its
chat form. `whaledeck-engine cache-quality assets/guide-model --text OUT` reads it.
usage: own_text.py OUT.txt"""
import sys
import tomllib
from pathlib import Path

DATA = Path(__file__).parent / "data"


def chats():
    for name in ["app", "fit", "models", "terms"]:
        for fact in tomllib.loads((DATA / f"{name}.toml").read_text(encoding="utf-8"))["fact"].values():
            for language in ["en", "zh"]:
                for key in ["q", "how", "what"]:
                    questions = fact.get(f"{key}_{language}")
                    if questions and isinstance(fact.get(language), str):
                        yield f"<｜User｜>{questions[0]}<｜Assistant｜>{fact[language]}<｜end▁of▁sentence｜>"
                        break


Path(sys.argv[1]).write_text("<｜begin▁of▁sentence｜>" + "".join(chats()), encoding="utf-8")
