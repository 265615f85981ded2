"""Which word follows which: a trigram model of the sentences of a grammar, in the ARPA format.

A recogniser that is held to the grammar itself must keep every copy of every noun alive, and is lost where somebody
says one word that the grammar lacks. Trigrams of the same sentences are searched sixty times as fast, and bend.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable

ORDER = 3
BEGIN, END = "<s>", "</s>"
_NEVER = -99.0
"""log10 of the probability that a sentence begins in its middle."""


def arpa(sentences: Iterable[str], words: Iterable[str]) -> str:
    """The model of sentences, as text.

    Every distribution is mixed with that of the shorter history as Witten and Bell (1991) do: a history that was
    followed by many different words leaves more to those that were not seen.

    Args:
        sentences: Words between spaces.
        words: What else may be said, however unlikely.
    """
    counts: list[Counter[tuple[str, ...]]] = [Counter() for _ in range(ORDER)]
    for sentence in sentences:
        tokens = [BEGIN, *sentence.split(), END]
        for n in range(ORDER):
            counts[n].update(zip(*(tokens[k:] for k in range(n + 1)), strict=False))
    counts[0].update((word,) for word in set(words))
    del counts[0][BEGIN,]
    total = sum(counts[0].values())
    probability = {gram: count / total for gram, count in counts[0].items()}
    leave: dict[tuple[str, ...], float] = {}
    for n in range(1, ORDER):
        seen: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0])
        for gram, count in counts[n].items():
            seen[gram[:-1]][0] += count
            seen[gram[:-1]][1] += 1
        leave |= {history: kinds / (uses + kinds) for history, (uses, kinds) in seen.items()}
        for gram, count in counts[n].items():
            uses, kinds = seen[gram[:-1]]
            probability[gram] = (count + kinds * probability[gram[1:]]) / (uses + kinds)
    grams = [sorted(g for g in probability if len(g) == n + 1) for n in range(ORDER)]
    grams[0].insert(0, (BEGIN,))
    lines = ["\\data\\", *(f"ngram {n + 1}={len(found)}" for n, found in enumerate(grams))]
    for n, found in enumerate(grams):
        lines += ["", f"\\{n + 1}-grams:"]
        for gram in found:
            log = math.log10(probability[gram]) if gram in probability else _NEVER
            back = f" {math.log10(leave.get(gram, 1.0)):.4f}" if n + 1 < ORDER else ""
            lines.append(f"{log:.4f} {' '.join(gram)}{back}")
    return "\n".join((*lines, "", "\\end\\", ""))
