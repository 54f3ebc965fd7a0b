"""The definition in `lexicons.match`, told again in plain Python, one character at a time."""

import itertools
import re
import unicodedata
from collections import defaultdict
from functools import cache
from itertools import pairwise

APOSTROPHES, BREAKS, MODIFIERS = "'’‘`´", ".!?…¡¿\r\n", "\ufe0e\ufe0f🏻🏼🏽🏾🏿"
WHITE = frozenset(
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
FACES = [
    *(f"{eyes}{tear}{nose}{mouth}" for eyes in ":;=" for tear in ("", "'") for nose in ("", "-")
      for mouth in [*"()[]|/\\DPdp", *("OSXCVosxcv3" if eyes == ":" else "")]),
    "<3", "</3", "^^", "^_^", "^.^", "-_-", "-.-", ">_<", ">.<",
]  # fmt: skip


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


def emoji(text, i):
    if "🇦" <= text[i] <= "🇿":
        return i + 1 + ("🇦" <= text[i + 1 : i + 2] <= "🇿")
    if kind(text, i) != "So":
        return i
    i += 1
    while i < len(text):
        if text[i] in MODIFIERS or "\U000e0020" <= text[i] <= "\U000e007f":
            i += 1
        elif text[i] == "\u200d" and kind(text, i + 1) == "So" and not "🇦" <= text[i + 1] <= "🇿":
            i += 2
        else:
            break
    return i


def emoticon(text, i):
    ends = [i]
    for face in FACES:
        end = i + len(face)
        cut_off = (face[-1].isalnum() and kind(text, end) in ("L", "N")) or (face[-1] == "/" and text[end : end + 1] == "/")
        if text.startswith(face, i) and not cut_off:
            ends.append(end)
    return max(ends)


def stop(text, i):
    return run(text, i, "", BREAKS)


def exactly(raw):
    plain = "".join(unicodedata.normalize("NFD", c).lower() for c in raw if c not in MODIFIERS)
    return "".join("'" if c in APOSTROPHES else c for c in plain.replace("ς", "σ"))


def fold(raw):
    plain = exactly(raw).replace("n\u0303", "ñ")
    return "".join(c for c in plain if not "\u0300" <= c <= "\u036f")


def parts(raw):
    """The words of a hashtag, without its #."""
    apart = raw[0]
    for before, after in pairwise(raw):
        camel = unicodedata.category(before) == "Ll" and unicodedata.category(after) == "Lu"
        apart += ("\n" if camel else "") + after
    return apart.split("\n")


def tokens(text):
    """Every token as (what it is, its raw text); (SENTENCE or NAME, raw) for what ends a phrase."""
    i = 0
    while i < len(text):
        for rule in (url, name, word, emoji, emoticon, stop):
            if (end := rule(text, i)) > i:
                raw = text[i:end]
                if rule is word and raw[0] == "#":
                    yield "hashtag", raw[1:]
                elif rule is emoticon:
                    yield "token", raw[0] + raw[1:-1].replace("-", "") + raw[-1] if len(raw) > 2 else raw
                else:
                    yield {url: "name", name: "name", stop: "sentence"}.get(rule, "token"), raw
                break
        i = max(end, i + 1)


def read(text):
    """Folded tokens, with None for what ends a phrase."""
    found = []
    for what, raw in tokens(text):
        found += [fold(part) for part in parts(raw)] if what == "hashtag" else [fold(raw) if what == "token" else None]
    return found


def patterns(term):
    """Each word of a term as (text, exact, beginning open, end open)."""
    words = []
    for piece in term.split():
        exact = re.match(r"=\*?[^\W\d_]{2}", piece) is not None
        bare = piece[exact:]
        raws = [p for what, raw in tokens(bare.strip("*")) for p in (parts(raw) if what == "hashtag" else [raw])]
        last = len(raws) - 1
        words += [
            (exactly(raw) if exact else fold(raw), exact, k == 0 and bare[0] == "*", k == last and bare[-1] == "*")
            for k, raw in enumerate(raws)
        ]
    return words


def forms(raw):
    """(exact, folded) of a token as written, then with its long runs cut."""
    yield exactly(raw), fold(raw)
    long = [m for m in re.finditer(r"(.)\1{2,}", fold(raw), re.DOTALL) if not m[1].isascii() or not m[1].isdigit()]
    if kind(raw, 0) in ("L", "N") and long:
        runs = min(len(long), 4)
        for choice in itertools.product((2, 1), repeat=runs):
            yield shortened(exactly(raw), choice[::-1]), shortened(fold(raw), choice[::-1])


def shortened(text, choice):
    found = itertools.count()

    def cut(match):
        digit = match[1].isascii() and match[1].isdigit()
        return match[0] if digit else match[1] * choice[min(next(found), len(choice) - 1)]

    return re.sub(r"(.)\1{2,}", cut, text, flags=re.DOTALL)


def matcher(terms, context=()):
    """A function text -> {marker: (hits, weight)} for rows of (term, marker, weight[, negators, first person]).

    context: words that the lexicons' options look for; they count as words that a token may stand for.
    """
    rows = [(patterns(term), marker, weight, *more) for term, marker, weight, *more in terms]
    words = {pattern for row in rows for pattern in row[0]} | {p for c in context for p in patterns(c)}
    joined = defaultdict(list)
    for row in rows:
        if len(row[0]) > 1 and not any(exact or before or after for _, exact, before, after in row[0]):
            joined["".join(text for text, *_ in row[0])].append(row)
    lengths = {(e, b, a): sorted({len(t) for t, *kind in words if kind == [e, b, a]}) for _, e, b, a in words}
    by_first = defaultdict(list)
    for row in rows:
        by_first[row[0][0]].append(row)

    def fit(form):
        found = set()
        for (exact, before, after), sizes in lengths.items():
            said = form[0] if exact else form[1]
            for n in sizes if before or after else [len(said)]:
                text = said[len(said) - n :] if before else said[:n]
                if n <= len(said) and (text, exact, before, after) in words:
                    found.add((text, exact, before, after))
        return frozenset(found)

    @cache
    def fitting(raw):
        return next(filter(None, map(fit, forms(raw))), frozenset())

    def score(text):
        said, spans, wholes = [], defaultdict(list), []
        for what, raw in tokens(text or ""):
            if what == "hashtag":
                wholes.append((len(said), raw))
                said += [fitting(part) for part in parts(raw)]
            else:
                said.append(fitting(raw) if what == "token" else what)

        def add(row, begin, end):
            spans[row[1], begin, end].append((row[2], row[3:]))

        for begin, raw in wholes:
            end = begin + len(parts(raw))
            for row in joined.get(fold(raw), ()):
                add(row, begin, end)
            for first in fit((exactly(raw), fold(raw))) if len(parts(raw)) > 1 else ():
                for row in by_first[first]:
                    if len(row[0]) == 1:
                        add(row, begin, end)
        for at, here in enumerate(said):
            for first in here if isinstance(here, frozenset) else ():
                for row in by_first[first]:
                    following = said[at : at + len(row[0])]
                    if len(following) == len(row[0]) and all(
                        isinstance(s, frozenset) and p in s for p, s in zip(row[0], following, strict=True)
                    ):
                        add(row, at, at + len(row[0]))

        def stands(patterns_, at):
            return isinstance(said[at], frozenset) and not said[at].isdisjoint(patterns_)

        def passes(begin, options):
            for negators, persons in options:
                before, k = [], begin - 1
                while k >= 0 and said[k] != "sentence" and len(before) < 3:
                    before += [k] if said[k] != "name" else []
                    k -= 1
                if any(stands(negators, k) for k in before):
                    return False
                if not persons:
                    continue
                left = begin
                while left and said[left - 1] != "sentence":
                    left -= 1
                right = begin
                while right < len(said) and said[right] != "sentence":
                    right += 1
                if not any(stands(persons, k) for k in range(left, right)):
                    return False
            return True

        phrases = [(m, b, e) for m, b, e in spans if e - b > 1]
        scores = {}
        for (marker, begin, end), found in spans.items():
            weights = [weight for weight, _ in found]
            inside = any(m == marker and b <= begin and end <= e and e - b > end - begin for m, b, e in phrases)
            if not inside and 0 not in weights and passes(begin, [o for _, option in found for o in option]):
                hits, weight = scores.get(marker, (0, 0))
                scores[marker] = (hits + 1, weight + max(weights))
        return scores

    return score
