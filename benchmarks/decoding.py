"""How fast the language model answers on a CPU, beside plain `transformers.generate` in fp32 of the same run.

The base model as shipped (SmolLM2-135M-Instruct), a prompt that tells of twelve objects, answers of 48 tokens. Speeds
are tokens of the answer a second, the reading of the prompt included; the rounds alternate. CPU time is that of the
process: it hardly depends on what else the machine does.

Usage: python benchmarks/decoding.py [ROUNDS]
"""

from __future__ import annotations

import copy
import gc
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from yanshi.perception.decoding.decoder import Answer, Decoder
from yanshi.perception.decoding.grammar import GrammarCompiler
from yanshi.perception.decoding.packed import pack
from yanshi.perception.embodied_lm.assemble import from_base
from yanshi.perception.embodied_lm.model import EmbodiedLM
from yanshi.perception.embodied_lm.processor import EmbodiedProcessor
from yanshi.perception.embodied_lm.senses import SenseConfig
from yanshi.perception.encoders.vector_mlp import VectorMLPConfig
from yanshi.perception.projectors.mlp import MLPProjectorConfig
from yanshi.perception.readers.objects import ObjectReader, SensedObject

LENGTH = 48
KINDS = ("red mug", "blue mug", "plate", "bowl", "sponge", "radio", "book", "spoon", "box", "can", "bottle", "cup")
QUESTIONS = ("Put the red mug in the sink.", "Which of them can be drunk from, and why?")
PLAN = """start: "thought: " /[a-z ,]{30,60}/ ". goal: " fact (" and " fact)? ". plan: " call ("; " call){2,5} "."
fact: "in(" thing ", " place ")" | "on(" thing ", " place ")" | "holding(" thing ")"
call: "go_to(" place ")" | "pick(" thing ")" | "place_on(" thing ", " place ")" | "place_in(" thing ", " place ")"
    | "open(" place ")" | "close(" place ")"
place: "kitchen_counter" | "sink" | "kitchen_table" | "cabinet_drawer" | "shelf" | "waste_bin"
thing: THINGS
"""
TEXT = """A robot that tidies a kitchen first looks around. It sees a red mug on the counter and a plate in the sink. It
drives to the counter, opens its gripper, reaches for the mug, closes the gripper and lifts. Then it turns to the sink,
lowers the mug and lets go. If the mug is not where it should be afterwards, it looks again and makes another plan."""


class Endless:
    """A constraint under which an answer never ends, so that all are of one length."""

    complete = False

    def __init__(self, ends: Sequence[int], vocabulary: int) -> None:
        self._ids = torch.tensor([k for k in range(vocabulary) if k not in ends])

    def forced(self) -> list[int]:
        return []

    def allowed(self) -> torch.Tensor:
        return self._ids

    def accept(self, tokens: Sequence[int]) -> None:
        """Nothing to note."""


def measured(run: Callable[[], int]) -> tuple[float, float]:
    """Tokens a second of wall and of CPU time."""
    wall, cpu = time.perf_counter(), time.process_time()
    tokens = run()
    return tokens / (time.perf_counter() - wall), tokens / (time.process_time() - cpu)


def distance(model: EmbodiedLM, ids: torch.Tensor, reference: torch.Tensor) -> tuple[float, float]:
    """How far the next-word distributions on a text, word by word as in decoding, are from fp32: Kullback-Leibler
    divergence [nat], and the share of words at which the most likely next is the same.
    """
    from transformers import DynamicCache

    cache, rows = DynamicCache(config=model.language_model.config), []
    with torch.inference_mode():
        for k in range(ids.shape[1]):
            out = model.language_model(input_ids=ids[:, k : k + 1], past_key_values=cache)
            rows.append(out.logits[0, -1].float().log_softmax(-1))
    own = torch.stack(rows)
    divergence = float((reference.exp() * (reference - own)).sum(-1).mean())
    return divergence, float((reference.argmax(-1) == own.argmax(-1)).float().mean())


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    senses = {
        "things": SenseConfig(
            reader=ObjectReader(), encoder=VectorMLPConfig(size=11), projector=MLPProjectorConfig(), frames=16
        )
    }
    plain, processor = from_base(senses)
    packed = {"bf16": copy.deepcopy(plain), "8 bits": copy.deepcopy(plain), "4 bits": copy.deepcopy(plain)}
    packed["bf16"].language_model.bfloat16()
    pack(packed["8 bits"].language_model, 8)
    pack(packed["4 bits"].language_model, 4)
    gc.collect()
    rng = np.random.default_rng(0)
    objects = [SensedObject(words=words, position_b=rng.normal(0.0, 1.0, 3)) for words in KINDS]
    asked = [processor(text=text, objects=objects) for text in QUESTIONS]
    rows = plain.config.get_text_config().vocab_size
    grammars = GrammarCompiler(processor.tokenizer, rows)
    things = " | ".join(f"<|obj_{k}|>" for k in range(len(KINDS)))
    grammar = PLAN.replace("THINGS", things)
    endless = Endless([int(processor.tokenizer.eos_token_id)], rows)
    last: dict[str, Answer] = {}

    def generate() -> int:
        options: Any = {"max_new_tokens": LENGTH, "min_new_tokens": LENGTH, "do_sample": False}
        return plain.generate(**asked[0], **options).shape[1] - asked[0]["input_ids"].shape[1]

    def free(name: str, decoder: Decoder, question: int, *, anew: bool) -> int:
        if anew:
            decoder.forget()
        last[name] = decoder.answer(asked[question], endless, most=LENGTH)
        return len(last[name].tokens)

    def plan(name: str, decoder: Decoder, *, anew: bool) -> int:
        if anew:
            decoder.forget()
        last[name] = decoder.answer(asked[0], grammars.lark(grammar), most=128)
        return len(last[name].tokens)

    runs: dict[str, Callable[[], int]] = {"`transformers.generate`, fp32": generate}
    decoders = {"fp32": Decoder(plain, processor)} | {n: Decoder(m, processor) for n, m in packed.items()}
    for name, decoder in decoders.items():
        runs[f"{name}, free text"] = lambda n=name, d=decoder: free(f"{n}, free text", d, 0, anew=True)  # type: ignore[misc]
    for name in ("8 bits", "4 bits"):
        again, first = f"{name}, second question", f"{name}, plan under a grammar"
        both = f"{name}, plan, prompt in the cache"
        runs[again] = lambda k=again, d=decoders[name]: free(k, d, 1, anew=False)  # type: ignore[misc]
        runs[first] = lambda k=first, d=decoders[name]: plan(k, d, anew=True)  # type: ignore[misc]
        runs[both] = lambda k=both, d=decoders[name]: plan(k, d, anew=False)  # type: ignore[misc]
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for run in runs.values():
        run()  # The first time of each allocates.
    for _ in range(rounds):
        for name, run in runs.items():
            took[name].append(measured(run))
    base = took["`transformers.generate`, fp32"]
    threads = torch.get_num_threads()
    print(f"Prompt of {asked[0]['input_ids'].shape[1]} tokens; torch {torch.__version__}, {threads} threads.\n")
    print("| | tokens/s, wall, median (min … max) | × generate | a CPU s | × generate | tokens | forced | passes |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name, pairs in took.items():
        wall, cpu = [w for w, _ in pairs], [c for _, c in pairs]
        of_wall = statistics.median(w / b for w, (b, _) in zip(wall, base, strict=True))
        of_cpu = statistics.median(c / b for c, (_, b) in zip(cpu, base, strict=True))
        answer = last.get(name)
        cost = f"{len(answer.tokens)} | {answer.forced} | {answer.passes}" if answer else f"{LENGTH} | 0 | {LENGTH}"
        print(
            f"| {name} | {statistics.median(wall):.1f} ({min(wall):.1f} … {max(wall):.1f}) | {of_wall:.1f} × "
            f"| {statistics.median(cpu):.1f} | {of_cpu:.1f} × | {cost} |"
        )
    ids = processor.tokenizer(TEXT, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        reference = plain.language_model(input_ids=ids).logits[0].log_softmax(-1)
    print(f"\nOn a text of {ids.shape[1]} tokens, next-word distributions beside those of fp32:\n")
    print("| | divergence [nat] | same most likely word |\n|---|---:|---:|")
    for name, model in packed.items():
        divergence, same = distance(model, ids, reference)
        print(f"| {name} | {divergence:.4f} | {same:.0%} |")
    alone = subprocess.run([sys.executable, __file__, "--memory"], capture_output=True, text=True, check=True)
    print(
        f"\nPeak memory of a process that loads the model, packs it into 4 bits and answers: {alone.stdout.strip()} GB."
    )
    print("\nRequired: 3 × plain `transformers.generate` in fp32, 2 GB, and 64 tokens in 2 s.")


def memory() -> None:
    """Peak memory [GB] of the shipped model in 4 bits, loading included."""
    model = EmbodiedLM.from_pretrained("yanshi-small", merge=False)
    processor = EmbodiedProcessor.from_pretrained("yanshi-small")
    pack(model.language_model, 4)
    Decoder(model, processor).answer(processor(text=QUESTIONS[0]), most=4)
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9:.2f}")


if __name__ == "__main__":
    memory() if sys.argv[1:] == ["--memory"] else main()
