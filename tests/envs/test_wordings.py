from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yanshi.envs.wordings import HELDOUT_SHARE, Grammar, expand, heldout, imperative
from yanshi.errors import InputError, UnknownNameError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("take it", ["take it"]),
        ("(take|get) it", ["take it", "get it"]),
        ("[please ]take", ["take", "please take"]),
        ("a[b(c|d)]|e", ["a", "abc", "abd", "e"]),
        ("(a|b)(1|2)", ["a1", "a2", "b1", "b2"]),
    ],
)
def test_expand_gives_every_sentence_of_the_notation(text, expected):
    assert list(expand(text)) == expected


@pytest.mark.parametrize("text", ["(a", "[a|b", "(a]", "a)", "a|b]"])
def test_an_unbalanced_bracket_is_named(text):
    with pytest.raises(InputError, match="Malformed wording"):
        list(expand(text))


@given(st.lists(st.lists(st.text("abc ", max_size=3), min_size=1, max_size=3), min_size=1, max_size=4))
def test_a_sequence_of_choices_multiplies(choices):
    text = "".join(f"({'|'.join(options)})" for options in choices)
    assert len(list(expand(text))) == np.prod([len(options) for options in choices])


def test_the_held_out_share_is_what_it_says_and_never_moves():
    patterns = [f"sentence {number}" for number in range(4000)]
    share = np.mean([heldout(pattern) for pattern in patterns])
    assert abs(share - HELDOUT_SHARE) < 0.03
    # blake2b("put {target} in {place}") begins with these bytes on every machine.
    assert heldout("put {target} in {place}") is False
    assert heldout("sentence 1") == heldout("sentence 1")


def test_adding_a_text_leaves_the_split_of_the_others():
    small, large = imperative("take {x}"), imperative("take {x}", "grab {x}")
    assert set(small.of("heldout")) == set(large.of("heldout")) & set(small.patterns)


def test_say_fills_in_and_stays_within_its_split():
    grammar = imperative("(take|get) {x}")
    rng = np.random.default_rng(0)
    said = {
        split: {grammar.say({"x": "(the|that) mug"}, rng, split) for _ in range(300)} for split in ("train", "heldout")
    }
    assert not said["train"] & said["heldout"]
    assert all("mug" in sentence and "{" not in sentence for sentence in said["train"] | said["heldout"])


def test_every_pattern_of_a_split_is_about_equally_likely():
    grammar = Grammar(tuple(f"say {letter}" for letter in "abcdefgh"))
    rng = np.random.default_rng(1)
    counts = Counter(grammar.say({}, rng) for _ in range(2000))
    assert set(counts) == set(grammar.of("train"))
    assert min(counts.values()) > 0.6 * 2000 / len(counts)


def test_nobody_says_please_twice():
    assert not [p for p in imperative("go").patterns if p.count("please") > 1]


def test_unknown_splits_and_missing_fillers_are_named():
    grammar = Grammar(("take {x}",))
    with pytest.raises(UnknownNameError, match="Available: heldout, train"):
        grammar.of("test")
    with pytest.raises(UnknownNameError, match="placeholder 'x'"):
        grammar.say({"y": "mug"}, np.random.default_rng(0), "heldout" if heldout("take {x}") else "train")
