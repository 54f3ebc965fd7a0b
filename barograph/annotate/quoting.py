"""Posts as data: what stands in a prompt of a post can neither end its quotation nor hide from a reader of it."""

import re
from hashlib import blake2b

MOST = 4_000
"""Characters of one text that are shown."""

_HIDDEN = (
    "\u0000-\u0008\u000b-\u001f\u007f-\u009f"  # controls; tab and line feed are read as space
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\uffff"  # without width, directions, fillers, selectors, specials
    "\ud800-\udfff\ue000-\uf8ff\U000e0000-\U000e0fff\U000f0000-\U0010ffff"  # surrogates, private use, tags
)
_HIDES = re.compile(f"[{_HIDDEN}]")
_BREAKS = re.compile(r"\r\n?|[\u0085\u2028\u2029\u000b\u000c]")
_JOINER = re.compile(r"(?<![^\x00-\u007f])[\u200c\u200d\ufe0e\ufe0f]+|[\u200c\u200d]+(?![^\x00-\u007f])")
_JOINERS = re.compile(r"([\u200c\u200d\ufe0e\ufe0f]{2})[\u200c\u200d\ufe0e\ufe0f]+")
_LINES = re.compile(r"[ \t]*\n[ \t]*\n\s*")
_OPENS = re.compile(r"<(?!/?\d|\s|$)")
_ROLE = re.compile(
    r"\[(/?(?:INST|SYS|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_[A-Z_]+|IMG[A-Z_]*|PREFIX|MIDDLE|SUFFIX|THINK|ARGS|CALL_ID))\]"
)


def clean(text: str) -> str:
    """The text without characters that nobody sees, and without the marks that models take for the end of a turn.

    Controls, directions, tags, private use and what has no width are dropped; joiners stay where they hold an emoji or
    letters of a script together. `<` before a name, as in <|im_end|> or </s>, becomes ‹, and [INST] becomes (INST);
    <3 stays.
    """
    seen = _HIDES.sub("", _BREAKS.sub("\n", text))
    seen = _JOINER.sub("", _JOINERS.sub(r"\1", seen))
    return _ROLE.sub(r"(\1)", _OPENS.sub("‹", _LINES.sub("\n\n", seen))).strip()


def shown(text: str) -> tuple[str, int]:
    """What a prompt shows of a text, at most `MOST` characters, and how many characters are left out at its end."""
    seen = clean(text)
    return seen[:MOST], max(0, len(seen) - MOST)


def mark(*texts: str) -> str:
    """Twelve hexadecimal digits that none of the texts contains, the same for the same texts.

    They come from a hash of the texts, so that a writer cannot know them without having written the text already.
    """
    turn = 0
    while True:
        digest = blake2b("\0".join((str(turn), *texts)).encode("utf-8", "replace"), digest_size=6).hexdigest()
        if not any(digest in text.lower() for text in texts):
            return digest
        turn += 1


def block(kind: str, text: str, digits: str) -> str:
    """A text between its two delimiters; `digits` are what `mark` gave for it."""
    return f"<{kind} {digits}>\n{text}\n</{kind} {digits}>"
