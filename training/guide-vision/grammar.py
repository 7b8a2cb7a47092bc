"""Many more ways to ask than phrases.py lists: each question is made anew from a form of grammar.toml."""
import pathlib
import re
import tomllib

DATA = tomllib.loads((pathlib.Path(__file__).parent / "grammar.toml").read_text("utf-8"))


def both(table):
    """Name -> (English, Chinese)."""
    return {name: (forms["en"], forms["zh"]) for name, forms in table.items()}


MACROS = (DATA["macros"]["en"], DATA["macros"]["zh"])
MORE, TALK = both(DATA["ask"]), both(DATA["talk"])


def expanded(rng, form, zh):
    """One way to say a form."""
    macros = MACROS[zh]
    while True:
        inner = re.search(r"\[([^\[\]]*)\]|@([a-z]+)", form)
        if not inner:
            break
        text = inner[1] if inner[1] is not None else macros[inner[2]]
        if inner[1] is None:  # a list's own brackets are opened later
            form = form[: inner.start()] + "[" + text + "]" + form[inner.end():]
            continue
        form = form[: inner.start()] + rng.choice(text.split("|")) + form[inner.end():]
    form = re.sub(r"\s+", " ", form).strip()
    form = re.sub(r" ([?.,!])", r"\1", form)
    if zh:
        form = re.sub(r"(?<=[一-龥？，。]) (?=[一-龥])", "", form)
    return form or "?"
