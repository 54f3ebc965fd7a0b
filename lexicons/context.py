"""Words around a term that change what it says: by language, in the syntax of terms, each one word.

They serve the two options of a marker (`Lexicon.negation`, `Lexicon.first_person`):

- an occurrence is *negated* where one of `NEGATORS` stands among the three tokens before it in the same
  sentence (not afraid, no tengo miedo);
- it is *about its writer* where one of `FIRST_PERSON` stands in the same sentence (I feel lost, me siento
  mal).

A sentence ends where a phrase does, at a break. Both lists are short on purpose: closed classes, the usual
spellings without apostrophe, and in Spanish, which drops its pronouns, the commonest verb forms of the first
person that are nothing else. Left out are words that are often something else: ill, id, us (the country);
sé (se), odio, trabajo, recuerdo (nouns), extraño, vivo (adjectives), estaba and había (third person as well).
The plural (we, nosotros) speaks of a group and is no first person here.
"""

from collections.abc import Mapping

NEGATORS: Mapping[str, tuple[str, ...]] = {
    "en": (
        "not", "no", "never", "nor", "neither", "none", "nothing", "nobody", "nowhere", "without", "hardly",
        "barely", "cannot", "*n't", "aint", "arent", "cant", "couldnt", "didnt", "doesnt", "dont", "hadnt",
        "hasnt", "havent", "isnt", "shouldnt", "wasnt", "werent", "wont", "wouldnt", "nope", "zero",
    ),
    "es": (
        "no", "ni", "nunca", "jamás", "tampoco", "sin", "nada", "nadie", "ningún", "ninguno", "ninguna",
        "apenas", "cero", "nop", "nope",
    ),
}  # fmt: skip
"""Language → words behind which a term is denied."""

FIRST_PERSON: Mapping[str, tuple[str, ...]] = {
    "en": (
        "i", "i'm", "i've", "i'd", "i'll", "me", "my", "mine", "myself", "im", "ive", "imma", "ima",
    ),
    "es": (
        "yo", "me", "mi", "mis", "mío", "mía", "míos", "mías", "conmigo",
        "soy", "estoy", "toy", "tengo", "siento", "quiero", "puedo", "necesito", "creo", "pienso", "espero",
        "voy", "vengo", "vuelvo", "hago", "digo", "veo", "sufro", "lloro", "duermo", "muero",
        "temo", "debo", "llevo", "sigo", "pido", "salgo", "amo", "adoro",
        "entiendo", "conozco", "he", "estuve", "tuve", "hice", "dije", "pude", "quise",
        "sentí", "tendré", "estaré", "podré",
    ),
}  # fmt: skip
"""Language → words that say a sentence speaks of its writer."""
