"""The definition in `lexicons.match`, told again in plain Python, one character at a time."""

import unicodedata
from collections import defaultdict
from functools import cache
from itertools import pairwise

APOSTROPHES, BREAKS = "'’‘`´", ".!?…¡¿\r\n"
WHITE = frozenset(
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


def kind(text, i):
    """L, M, N, So, … of one character; nothing behind the end."""
    if i >= len(text):
        return ""
    category = unicodedata.category(text[i])
    return category if category == "So" else category[0]


def run(text, i, kinds, more=""):
    while i < len(text) and (kind(text, i) in kinds or text[i] in more):
        i += 1
    return i


def url(text, i):
    for scheme in ("http://", "https://", "www."):
        begin = i + len(scheme)
        ascii_lower = "".join(c.lower() if c.isascii() else c for c in text[i:begin])
        end = begin
        while end < len(text) and text[end] not in WHITE:
            end += 1
        if ascii_lower == scheme and end > begin:
            return end
    return i


def name(text, i):
    if text[i] == "@":
        end = run(text, i + 1, "LMN", "_")
        while end > i + 1 and end < len(text) and text[end] in ".@-":
            following = run(text, end + 1, "LMN", "_")
            if following == end + 1:
                break
            end = following
        return end if end > i + 1 else i
    if text[i : i + 2] in ("u/", "r/"):
        end = run(text, i + 2, "LMN", "_")
        return end if end > i + 2 else i
    return i


def word(text, i):
    end = i + 1 if text[i] == "#" else i
    if kind(text, end) not in ("L", "N"):
        return i
    end = run(text, end, "LMN")
    while end < len(text) and text[end] in APOSTROPHES and kind(text, end + 1) in ("L", "N"):
        end = run(text, end + 1, "LMN")
    return end


def symbol(text, i):
    return i + 1 if kind(text, i) == "So" else i


def emoticon(text, i):
    if text[i] != ":":
        return i
    end = i + 1
    for optional in "'-":
        end += text[end : end + 1] == optional
    return end + 1 if text[end : end + 1] in ("(", ")") else i


def stop(text, i):
    return run(text, i, "", BREAKS)


def fold(raw):
    if raw[0] == "#":
        apart = raw[1]
        for before, after in pairwise(raw[1:]):
            camel = unicodedata.category(before) == "Ll" and unicodedata.category(after) == "Lu"
            apart += (" " if camel else "") + after
        return [part for piece in apart.split(" ") for part in fold(piece)]
    plain = unicodedata.normalize("NFD", raw).lower().replace("n\u0303", "ñ")
    plain = "".join(c for c in plain if not "\u0300" <= c <= "\u036f" and c not in "\ufe0e\ufe0f")
    return ["".join("'" if c in APOSTROPHES else c for c in plain.replace("ς", "σ"))]


def read(text):
    """Folded tokens, with None for what ends a phrase."""
    found, i = [], 0
    while i < len(text):
        for rule in (url, name, word, symbol, emoticon, stop):
            if (end := rule(text, i)) > i:
                found += [None] if rule in (url, name, stop) else fold(text[i:end])
                break
        i = max(end, i + 1)
    return found


def patterns(term):
    words = []
    for piece in term.split():
        parts = read(piece.strip("*"))
        parts[0] = "*" + parts[0] if piece[0] == "*" else parts[0]
        parts[-1] += "*" if piece[-1] == "*" else ""
        words += parts
    return words


def fits(pattern, token):
    if token is None:
        return False
    if pattern[-1] == "*":
        return token.startswith(pattern[:-1])
    return token.endswith(pattern[1:]) if pattern[0] == "*" else token == pattern


def matcher(terms):
    """A function text -> {marker: (hits, weight)} for rows of (term, marker, weight)."""
    by_first = defaultdict(list)
    for term, marker, weight in terms:
        words = patterns(term)
        by_first[words[0]].append((words, marker, weight))

    @cache
    def beginning(token):
        return [entry for first, entries in by_first.items() if fits(first, token) for entry in entries]

    def score(text):
        tokens, spans = read(text or ""), defaultdict(list)
        for at, token in enumerate(tokens):
            for words, marker, weight in beginning(token):
                here = tokens[at : at + len(words)]
                if len(here) == len(words) and all(map(fits, words, here)):
                    spans[marker, at, at + len(words)].append(weight)
        scores = {}
        for (marker, begin, end), weights in spans.items():
            inside = any(m == marker and b <= begin and end <= e and e - b > end - begin for m, b, e in spans)
            if not inside and 0 not in weights:
                hits, weight = scores.get(marker, (0, 0))
                scores[marker] = (hits + 1, weight + max(weights))
        return scores

    return score
