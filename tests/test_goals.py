import pytest
from hypothesis import given
from hypothesis import strategies as st

from yanshi.errors import InputError
from yanshi.goals import Fact, Goal

NAMES = st.sampled_from(["red_mug", "sink", "tile_5", "drawer"])
ATOMS = st.builds(
    lambda p, args: Goal("fact", fact=Fact(p, tuple(args))),
    st.sampled_from(["on", "in", "open"]),
    st.lists(NAMES, max_size=3),
)
GOALS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds(Goal.negate, inner),
        st.builds(lambda goal: Goal.exists("?x", goal), inner),
        st.builds(lambda goals: Goal("and", children=tuple(goals)), st.lists(inner, min_size=2, max_size=3)),
        st.builds(lambda goals: Goal("or", children=tuple(goals)), st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=12,
)


@given(GOALS)
def test_text_and_goal_say_the_same(goal: Goal) -> None:
    assert Goal.parse(str(goal)) == goal


@given(
    GOALS,
    st.sets(
        st.tuples(st.sampled_from(["on", "in", "open"]), st.lists(NAMES, max_size=3)).map(
            lambda t: Fact(t[0], tuple(t[1]))
        )
    ),
)
def test_negation_turns_truth_around(goal: Goal, facts: set[Fact]) -> None:
    assert Goal.negate(goal).holds(facts.__contains__, ["sink"]) != goal.holds(facts.__contains__, ["sink"])


def test_exists_ranges_over_the_entities() -> None:
    goal = Goal.parse("exists ?x: (kind(?x, mug) and color(?x, red) and in(?x, sink))")
    facts = {
        Fact("kind", ("a", "mug")),
        Fact("color", ("a", "red")),
        Fact("in", ("a", "sink")),
        Fact("in", ("b", "sink")),
    }
    assert goal.holds(facts.__contains__, ["a", "b"])
    assert not goal.holds((facts - {Fact("color", ("a", "red"))}).__contains__, ["a", "b"])
    assert not goal.holds(facts.__contains__, ["b"])


def test_an_inner_variable_hides_an_outer_one_of_the_same_name() -> None:
    goal = Goal.parse("exists ?x: on(?x, sink)")
    assert goal.substitute({"?x": "red_mug"}) == goal


@pytest.mark.parametrize(
    ("text", "unbound"),
    [
        ("near(?x)", ("?x",)),
        ("exists ?x: near(?x)", ()),
        ("exists ?x: on(?x, ?y) and not near(?x)", ("?y", "?x")),
        ("exists ?x: (kind(?x, mug) and exists ?y: on(?x, ?y))", ()),
        ("on(red_mug, sink)", ()),
    ],
)
def test_a_variable_is_bound_only_within_its_exists(text: str, unbound: tuple[str, ...]) -> None:
    assert Goal.parse(text).unbound() == unbound


def test_and_binds_closer_than_or() -> None:
    goal = Goal.parse("a() or b() and c()")
    assert goal.op == "or"
    assert goal.children[1].op == "and"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("in(a", "expected ',', got the end of the text"),
        ("in", "expected '(', got the end of the text"),
        ("", "expected a name, got the end of the text"),
        ("in(a,,b)", "expected a name, got ','"),
        ("in(a) on(b)", "expected the end, got 'on'"),
        ("exists x: a(x)", "expected a variable such as '?x', got 'x'"),
        ("in(a; b)", "unexpected ';'"),
        ("and(a)", "expected a name, got 'and'"),
    ],
)
def test_malformed_goals_are_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        Goal.parse(text)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
