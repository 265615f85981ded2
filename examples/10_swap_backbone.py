"""Another backbone: the same senses before any decoder of transformers, saved and loaded again. Nothing is trained."""

import tempfile
from pathlib import Path

import torch

from yanshi.perception.embodied_lm.assemble import assemble, from_base
from yanshi.perception.embodied_lm.fakes import fake_language_model, fake_observation, fake_tokenizer
from yanshi.perception.embodied_lm.model import EmbodiedLM
from yanshi.perception.embodied_lm.processor import EmbodiedProcessor
from yanshi.perception.embodied_lm.recipes import small_senses

observation = fake_observation()
with tempfile.TemporaryDirectory() as folder:
    for family in ("llama", "vicuna", "qwen2", "glm"):
        # A decoder of your own: a folder, a .gguf file, or the id of a model on the hub.
        fake_language_model(family).save_pretrained(Path(folder) / family)
        fake_tokenizer().save_pretrained(Path(folder) / family)
        model, processor = from_base(small_senses(), Path(folder) / family)
        model.save_pretrained(Path(folder) / "saved")
        processor.save_pretrained(Path(folder) / "saved")
        again = EmbodiedLM.from_pretrained(Path(folder) / "saved")
        inputs = EmbodiedProcessor.from_pretrained(Path(folder) / "saved")(
            text="What is there?", observation=observation
        )
        with torch.no_grad():
            same = torch.equal(model.eval()(**inputs).logits, again(**inputs).logits)
        print(f"{family}: {inputs['input_ids'].shape[1]} tokens, the same after saving and loading: {same}")

model, processor = assemble(fake_language_model(), fake_tokenizer(), {})  # Words alone are a model, too.
print(model(**processor(text="hello")).logits.shape)
