"""Lists of English words that instructions are made of. Data only: what is done with them is in `noun_phrases`."""

from __future__ import annotations

from collections.abc import Mapping

DETERMINERS = frozenset({
    "a", "an", "any", "its", "my", "our", "some", "that", "the", "their", "these", "this", "those", "which", "your",
})  # fmt: skip
"""Words with which a noun phrase begins."""
ALL = frozenset({
    "all", "both", "each", "every", "everything",
})  # fmt: skip
"""Words that speak of every such thing."""
PRONOUNS = frozenset({
    "it", "them",
})  # fmt: skip
"""Words for what was spoken of before."""
LINKS = frozenset({
    "that", "what", "whatever", "who", "whose",
})  # fmt: skip
"""Words with which a relative clause begins."""
BE = frozenset({
    "are", "be", "been", "being", "goes", "is", "keep", "keeps", "kept", "lies", "lying", "s", "sits", "sitting",
    "standing", "stands", "was",
})  # fmt: skip
"""Words between a thing and what is said of it."""
_ENDS = frozenset({
    "stop", "quiet", "silent", "across", "again", "along", "and", "around", "at", "away", "back", "behind",
    "beside", "but", "by", "carefully",
    "closed", "completely", "down", "for", "from", "fully", "gently", "here", "i", "in", "inside", "into", "left",
    "me", "near", "next", "not", "now", "numbered", "of", "off", "on", "onto", "open", "or", "out", "over",
    "please", "quickly", "right", "shut", "so", "then", "there", "through", "to", "toward", "towards", "under",
    "until", "up", "upon", "us", "when", "where", "while", "with", "you",
})  # fmt: skip
"""Prepositions, particles and the like, which end a noun phrase."""
STOP = DETERMINERS | PRONOUNS | BE | LINKS | _ENDS
"""Words that are no part of the middle of a noun phrase."""
FIGURES: Mapping[str, str] = {
    "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9",
}  # fmt: skip
"""Words for figures."""
VERBS = frozenset({
    "activate", "bin", "bring", "build", "carry", "check", "chuck", "clean", "clear", "close", "collect", "come",
    "deliver", "deposit", "dim", "discard", "discover", "drag", "drive", "drop", "dump", "end", "ensure", "feel",
    "fetch", "figure", "find", "flick", "flip", "gather", "get", "give", "go", "grab", "grasp", "grip", "hand",
    "head", "heap", "hear", "hit", "hold", "hunt", "illuminate", "insert", "kill", "lay", "leave", "lift", "light",
    "listen", "load", "locate", "look", "lower", "make", "move", "mute", "navigate", "nudge", "open", "operate",
    "pass", "pick", "pile", "place", "plop", "pop", "position", "power", "press", "pull", "push", "put", "raise",
    "relocate", "remove", "rest", "retrieve", "return", "ring", "search", "see", "seek", "seize", "set", "shift",
    "shove", "shut", "silence", "slide", "snatch", "sort", "stack", "start", "stash", "stick", "stop", "store",
    "stow", "swing", "switch", "take", "tap", "throw", "tidy", "toss", "touch", "track", "transfer", "trigger",
    "tuck", "turn", "unpick", "walk",
})  # fmt: skip
"""Words with which an instruction begins."""
EMPTY_NOUNS = frozenset({
    "bottom", "dark", "floor", "front", "help", "moment", "noise", "pile", "place", "side", "sound", "stack",
    "time", "top", "tower", "way",
})  # fmt: skip
"""Nouns that name nothing to be handled: *a tower of*, *all the way*, *in the dark*."""
BESIDE = (
    ("next", "to"), ("beside",), ("close", "to"), ("by",), ("near", "to"), ("near",), ("alongside",), ("adjacent",
     "to"),
)  # fmt: skip
"""Ways of saying *beside*."""
SYNONYMS: Mapping[str, str] = {
    "trash can": "bin", "trash bin": "bin", "waste bin": "bin", "wastebasket": "bin", "garbage can": "bin",
    "rubbish bin": "bin", "dustbin": "bin", "trash": "bin", "garbage": "bin", "rubbish": "bin",
    "wastepaper basket": "bin", "basin": "sink", "kitchen sink": "sink", "washbasin": "sink", "tap": "sink",
    "couch": "sofa", "settee": "sofa", "worktop": "counter", "kitchen counter": "counter", "countertop": "counter",
    "bedside table": "nightstand", "night table": "nightstand", "low table": "coffee_table",
    "lounge": "living_room", "sitting room": "living_room", "telephone": "phone", "cell phone": "phone",
    "mobile": "phone", "smartphone": "phone", "clock": "alarm_clock", "alarm": "alarm_clock",
    "refrigerator": "fridge", "cooker": "stove", "oven": "stove", "die": "dice", "felt pen": "marker",
    "pen": "marker", "felt tip": "marker", "remote control": "remote", "rubber duck": "duck", "duckling": "duck",
    "toy duck": "duck", "tin": "can", "tin can": "can", "soda can": "can", "milk": "milk_carton",
    "carton": "milk_carton", "tea": "tea_box", "car": "toy_car", "bar of soap": "soap", "notepad": "notebook",
    "light switch": "switch", "lightswitch": "switch", "cupboard": "cabinet", "bookshelf": "shelf",
    "shelves": "shelf", "cube block": "cube", "coffee mug": "mug", "coffee cup": "mug", "teapot": "kettle",
    "number": "tile", "numeral": "tile", "digit": "tile", "number tile": "tile", "card": "tile", "sign": "tile",
    "push button": "button", "mini button": "button", "human": "person", "man": "person", "woman": "person",
    "box drawer": "drawer", "scarlet": "red", "crimson": "red", "ruby": "red", "azure": "blue", "navy": "blue",
    "emerald": "green", "violet": "purple", "lilac": "purple", "golden": "yellow", "rose": "pink",
    "magenta": "pink", "tan": "brown", "grey": "gray", "big": "large", "huge": "large", "little": "small",
    "tiny": "small", "mini": "small", "circular": "round", "spherical": "round", "ball shaped": "round",
    "cubic": "cube", "cubical": "cube", "cylindrical": "cylinder", "wooden": "wood", "metallic": "metal",
    "oblong": "long",
}  # fmt: skip
"""Other words → the word of the vocabulary, where that exists. What is itself in the vocabulary stays as it is."""
ANYTHING = (
    "thing", "object", "item", "one", "stuff", "piece",
)  # fmt: skip
"""Nouns that say nothing about the kind."""
SOUNDS: Mapping[str, tuple[str, ...]] = {
    "ring": ("ringing", "rings"),
    "beep": ("beeping", "beeps"),
    "whistle": ("whistling", "whistles"),
    "buzz": ("buzzing", "buzzes"),
    "hum": ("humming", "hums"),
    "knock": ("knocking", "knocks"),
    "voice": ("calling", "talking", "shouting", "speaking", "calls"),
}
"""Sound → the words that say of a thing that it makes it."""
SOUNDING = frozenset({"sounding", "making", "noisy", "chiming", "audible"}) | {w for ws in SOUNDS.values() for w in ws}
"""Words that say of a thing that it makes a sound."""
LARGER = frozenset({
    "bigger", "biggest", "greater", "larger", "largest", "taller", "tallest",
})  # fmt: skip
"""Words that pick the larger of several."""
SMALLER = frozenset({
    "littler", "littlest", "shorter", "smaller", "smallest", "tinier", "tiniest",
})  # fmt: skip
"""Words that pick the smaller of several."""
OTHER_COLORS = frozenset({
    "beige", "bronze", "cyan", "gold", "gray", "grey", "indigo", "ivory", "lavender", "maroon", "olive", "silver",
    "teal", "turquoise",
})  # fmt: skip
"""Colour words that are never ignored when they are not in the vocabulary."""
LIGHT = "light"
"""The light of a room: no thing that can be handled, but something that can be asked for."""
