"""What can be asked for: goal schemas with the types of their slots and the ways in which people ask.

A phrasing is compared with an instruction by the meaning of the whole sentence, with the same plain noun in each
slot on both sides, so that only the verb and the construction decide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from yanshi.goals import Fact, Goal

PLAIN_NOUNS: Mapping[str, str] = {
    "object": "cup", "object below": "block", "container": "box", "surface": "table", "opening": "drawer",
    "control": "button", "silent control": "button",
    "device": "radio", "room": "kitchen", "light": "light", "place": "table", "thing": "phone",
    "sounder": "phone", "source": "shelf", "lamp": "lamp",
}  # fmt: skip
"""Slot type → the noun that stands in it when sentences are compared."""


@dataclass(frozen=True, slots=True)
class Schema:
    """One kind of goal."""

    name: str
    about: str
    """Which side of its first thing it changes: ``place``, ``openness``, ``power`` or ``robot``."""
    slots: tuple[str, ...]
    """Type of each slot, in the order of the placeholders."""
    phrasings: tuple[str, ...]
    build: Callable[..., Goal]
    """The goal, given a name or variable for each slot."""
    implied: str | None = None
    """The kind of fixture that the phrasings mean without naming it; it comes last."""

    def sentences(self) -> list[str]:
        """The phrasings with plain nouns in the slots."""
        return [render(phrasing, self.slots) for phrasing in self.phrasings]


def render(phrasing: str, slots: tuple[str, ...]) -> str:
    """A phrasing, or the skeleton of a clause, with the plain nouns of slot types."""
    return phrasing.format(*(f"the {PLAIN_NOUNS[slot]}" for slot in slots))


def _fact(predicate: str) -> Callable[..., Goal]:
    return lambda *args: Goal.of(predicate, *args[:2])


def _first(predicate: str) -> Callable[..., Goal]:
    return lambda *args: Goal.of(predicate, args[0])


def _last(predicate: str) -> Callable[..., Goal]:
    return lambda *args: Goal.of(predicate, args[-1])


def _not_first(predicate: str) -> Callable[..., Goal]:
    return lambda *args: Goal.negate(Goal.of(predicate, args[0]))


def _first_and_third(predicate: str) -> Callable[..., Goal]:
    return lambda *args: Goal("fact", fact=Fact(predicate, (args[0], args[2])))


def _delivered(*args: str) -> Goal:
    """In the room, and not in the hand any more."""
    return Goal.all([Goal.of("in_room", args[0], args[-1]), Goal.negate(Goal.of("holding", args[0]))])


_HOLD = (
    "pick up {0}", "pick {0} up", "grab {0}", "take {0}", "lift {0}", "lift {0} up", "get {0}", "get hold of {0}",
    "hold {0}",
    "grasp {0}", "take hold of {0}", "seize {0}", "feel for {0}", "raise {0}", "fetch {0}", "bring me {0}",
    "hand me {0}",
    "snatch {0}", "i want you to hold {0}", "keep {0} in your hand",
)  # fmt: skip
_FROM = ("from", "off", "on", "in", "out of", "across")
_IN = (
    "put {0} in {1}", "place {0} into {1}", "drop {0} in {1}", "put {0} inside {1}", "throw {0} into {1}",
    "stick {0} in {1}",
    "store {0} in {1}", "move {0} into {1}", "move {0} to {1}", "collect {0} in {1}", "gather {0} into {1}",
    "toss {0} in {1}",
    "clear away {0} into {1}", "tidy up {0} into {1}", "tidy {0} away in {1}", "bring {0} to {1}", "carry {0} to {1}",
    "insert {0} into {1}", "deposit {0} in {1}", "stash {0} in {1}", "transfer {0} to {1}", "{0} belongs in {1}",
    "{0} should be in {1}", "get {0} into {1}", "let {0} fall into {1}", "i want {0} in {1}",
)  # fmt: skip
_ON = (
    "put {0} on {1}", "place {0} onto {1}", "set {0} on {1}", "set {0} down on {1}", "lay {0} on {1}",
    "put {0} on top of {1}",
    "move {0} to {1}", "move {0} onto {1}", "bring {0} to {1}", "carry {0} to {1}", "deposit {0} on {1}",
    "rest {0} on {1}",
    "transfer {0} to {1}", "{0} belongs on {1}", "{0} should be on {1}", "gather {0} on {1}", "leave {0} on {1}",
    "push {0} onto {1}", "slide {0} to {1}", "shove {0} over to {1}", "nudge {0} on to {1}", "slide {0} onto {1}",
    "get {0} onto {1}", "i want {0} on {1}", "drag {0} to {1}",
)  # fmt: skip
_STACK = (
    "stack {0} on {1}", "put {0} on top of {1}", "place {0} upon {1}", "set {0} on {1}",
    "build a tower of {0} on {1}",
    "make a stack with {0} on {1}", "make a pile from {0} on {1}", "pile {0} on {1}", "balance {0} on {1}",
)  # fmt: skip

SCHEMAS: tuple[Schema, ...] = (
    Schema("hold", "place", ("object",), _HOLD, _first("holding")),
    Schema(
        "hold", "place", ("object", "source"),
        tuple(f"{verb} {{0}} {word} {{1}}" for verb in ("pick up", "take", "grab", "lift", "get") for word in _FROM),
        _first("holding"),
    ),
    Schema("put in", "place", ("object", "container"), _IN, _fact("in")),
    Schema("put on", "place", ("object", "surface"), _ON, _fact("on")),
    Schema("stack", "place", ("object", "object below"), _STACK, _fact("on")),
    Schema(
        "put in", "place", ("object", "source", "container"),
        tuple(f"{verb} {{0}} {word} {{1}} {to} {{2}}" for verb in ("put", "move") for word in _FROM for to in
        ("into", "to")), _first_and_third("in"),
    ),
    Schema(
        "put on", "place", ("object", "source", "surface"),
        tuple(f"{verb} {{0}} {word} {{1}} {to} {{2}}" for word in _FROM for to in ("onto", "to")
              for verb in ("put", "move", "push", "slide", "bring", "fetch", "take")),
        _first_and_third("on"),
    ),
    Schema(
        "throw away", "place", ("object",),
        ("throw away {0}", "throw {0} away", "bin {0}", "discard {0}", "get rid of {0}", "dispose of {0}",
         "throw out {0}",
         "chuck {0} away", "trash {0}"),
        _fact("in"), implied="bin",
    ),
    Schema(
        "bring to", "place", ("object", "room"),
        ("bring {0} to {1}", "take {0} to {1}", "carry {0} to {1}", "move {0} into {1}", "deliver {0} to {1}",
         "put {0} in {1}",
         "fetch {0} to {1}", "{0} should be in {1}", "transport {0} to {1}", "get {0} to {1}", "leave {0} in {1}"),
        _delivered,
    ),
    Schema(
        "bring to", "place", ("object", "source", "room"),
        tuple(f"{verb} {{0}} from {{1}} {to} {{2}}" for verb in ("bring", "carry", "fetch", "take") for to in ("to",
        "into")), _delivered,
    ),
    Schema(
        "open", "openness", ("opening",),
        ("open {0}", "pull {0} open", "pull open {0}", "slide open {0}", "open {0} all the way", "open up {0}",
         "pull {0} out",
         "open {0} fully", "get {0} open", "swing {0} open", "{0} should be open", "leave {0} open"),
        _first("open"),
    ),
    Schema(
        "close", "openness", ("opening",),
        ("close {0}", "shut {0}", "push {0} shut", "push {0} in", "push {0} closed", "slide {0} shut",
         "slide shut {0}",
         "slide {0} in", "slide {0} closed", "get {0} closed", "push shut {0}", "{0} should be closed",
         "{0} must be shut"),
        _first("closed"),
    ),
    Schema(
        "press", "power", ("control",),
        ("press {0}", "push {0}", "hit {0}", "tap {0}", "press down {0}", "push down {0}", "press down on {0}",
         "turn on {0}",
         "switch on {0}", "activate {0}", "start {0}", "flip {0}", "flick {0}", "operate {0}", "ring {0}"),
        _first("powered"),
    ),
    Schema(
        "press", "power", ("lamp", "control"),
        ("turn on {0} with {1}", "switch on {0} with {1}", "light {0} with {1}", "turn {0} on using {1}"),
        _last("powered"),
    ),
    Schema(
        "turn off", "power", ("silent control",),
        ("turn off {0}", "switch off {0}", "turn {0} off", "switch {0} off", "deactivate {0}", "shut down {0}"),
        _not_first("powered"),
    ),
    Schema(
        "silence", "power", ("sounder",),
        ("silence {0}", "turn off {0}", "switch off {0}", "stop {0}", "mute {0}", "make {0} stop", "make {0} quiet",
         "make {0} be silent", "shut off {0}", "stop {0} making noise", "quiet {0}", "turn {0} off",
         "stop the noise of {0}"),
        _not_first("sounding"),
    ),
    Schema(
        "light on", "power", ("light",),
        ("turn on {0}", "switch on {0}", "turn {0} on", "switch {0} on", "put {0} on", "put on {0}"), _first("lit"),
    ),
    Schema(
        "light off", "power", ("light",),
        ("turn off {0}", "switch off {0}", "turn {0} off", "switch {0} off", "put {0} out"), _not_first("lit"),
    ),
    Schema(
        "light on", "power", ("room",),
        ("light up {0}", "illuminate {0}", "make {0} bright", "make it bright in {0}", "brighten {0}"), _first("lit"),
    ),
    Schema(
        "light on", "power", ("light", "room"),
        ("turn on {0} in {1}", "switch on {0} of {1}", "turn {0} on in {1}", "switch {0} in {1} on"), _last("lit"),
    ),
    Schema(
        "light off", "power", ("light", "room"),
        ("turn off {0} in {1}", "switch off {0} of {1}", "turn {0} off in {1}", "switch {0} in {1} off"),
        lambda *args: Goal.negate(Goal.of("lit", args[1])),
    ),
    Schema(
        "go to room", "robot", ("room",),
        ("go to {0}", "drive to {0}", "move to {0}", "enter {0}", "go into {0}", "navigate to {0}", "come to {0}",
         "walk to {0}",
         "head to {0}", "visit {0}", "wait in {0}"),
        _first("robot_in"),
    ),
    Schema(
        "go to", "robot", ("place",),
        ("go to {0}", "drive to {0}", "move to {0}", "navigate to {0}", "come to {0}", "walk to {0}",
         "stand in front of {0}",
         "approach {0}", "head over to {0}", "go over to {0}", "drive up to {0}", "get close to {0}"),
        _first("near"),
    ),
    Schema(
        "find", "place", ("thing",),
        ("find {0}", "see {0}", "find out {0}", "figure out {0}", "look for {0}", "locate {0}", "search for {0}",
         "where is {0}", "go and find {0}",
         "find out where {0} is",
         "go to {0}", "show me {0}", "track down {0}", "go look for {0}", "see where {0} is", "hunt for {0}",
         "drive to {0}"),
        _first("near"),
    ),
)  # fmt: skip

IMPOSSIBLE: tuple[str, ...] = (
    "eat {0}",
    "drink {0}",
    "wash {0}",
    "clean {0}",
    "cut {0}",
    "break {0}",
    "smash {0}",
    "paint {0}",
    "read {0}",
    "cook {0}",
    "buy {0}",
    "sell {0}",
    "charge {0}",
    "fill {0} with water",
    "pour {0}",
    "empty {0}",
    "count {0}",
    "kick {0}",
    "weigh {0}",
    "sit on {0}",
    "sleep in {0}",
    "lie down on {0}",
    "repair {0}",
    "fix {0}",
    "burn {0}",
    "describe {0}",
    "draw {0}",
    "peel {0}",
    "photograph {0}",
    "talk to {0}",
    "call {0}",
    "hide {0}",
    "destroy {0}",
    "shake {0}",
    "spin {0}",
    "roll {0}",
    "measure {0}",
    "put {0}",
    "place {0}",
    "set {0}",
    "dry {0}",
    "wipe {0}",
    "heat {0}",
    "boil {0}",
    "play with {0}",
    "bite {0}",
    "smell {0}",
    "taste {0}",
    "kiss {0}",
    "feed {0}",
    "water {0}",
    "steal {0}",
    "guess {0}",
    "tell me about {0}",
    "ignore {0}",
    "build {0}",
    "write on {0}",
    "write with {0}",
    "play {0}",
    "listen to {0}",
    "watch {0}",
    "wear {0}",
    "cover {0}",
    "wrap {0}",
    "fold {0}",
    "pour {0} into {1}",
    "paint {0} with {1}",
    "hit {0} with {1}",
    "compare {0} with {1}",
    "swap {0} and {1}",
    "cut {0} with {1}",
    "feed {0} to {1}",
    "throw {0} at {1}",
    "clean {0} with {1}",
    "hide {0} behind {1}",
    "tie {0} to {1}",
    "mix {0} with {1}",
    "keep {0} away from {1}",
    "wipe {0} with {1}",
    "cover {0} with {1}",
    "fill {0} with {1}",
    "put {0} under {1}",
    "put {0} behind {1}",
    "hang {0} on {1}",
    "sell {0} to {1}",
    "lean {0} against {1}",
    "sew {0} on {1}",
    "glue {0} to {1}",
)
"""What people may ask of a robot and this one cannot do. An instruction nearest to one of these is not understood."""
