"""EmbodiedLM on tiny language models of every family: senses, loss, generation, saving, dtypes."""

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoConfig

from yanshi.errors import InputError, ModelError
from yanshi.perception.embodied_lm.assemble import assemble
from yanshi.perception.embodied_lm.fakes import (
    FAMILIES,
    fake_language_model,
    fake_observation,
    fake_senses,
    fake_tokenizer,
)
from yanshi.perception.embodied_lm.model import EmbodiedLM
from yanshi.perception.embodied_lm.pointing import objects_in
from yanshi.perception.embodied_lm.processor import EmbodiedProcessor
from yanshi.perception.embodied_lm.senses import PARTS, object_token
from yanshi.perception.readers.objects import SensedObject

SENSES = tuple(fake_senses())
THINGS = [
    SensedObject(words="red mug", position_b=np.array([1.0, 0.1, 0.8])),
    SensedObject(words="plate", position_b=np.array([0.6, -0.4, 0.75])),
]
CLIP = [fake_observation(1.0 + 0.04 * k) for k in range(3)]
Made = tuple[EmbodiedLM, EmbodiedProcessor]


def made(family: str = "llama") -> Made:
    return assemble(fake_language_model(family), fake_tokenizer(), fake_senses())


@pytest.fixture(scope="module")
def parts() -> Made:
    return made()


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> Made:
    return made(request.param)


def sample(processor: EmbodiedProcessor, without: tuple[str, ...] = (), **options: Any) -> Any:
    return processor(text="where is it?", observation=CLIP, objects=THINGS, without=without, **options)


def test_every_subset_of_senses(parts: Made) -> None:
    model, processor = parts
    lengths = set()
    with torch.no_grad():
        for count in range(len(SENSES) + 1):
            for without in combinations(SENSES, count):
                inputs = sample(processor, without)
                present = {key.removesuffix("_mask") for key in inputs if key.endswith("_mask")} - {"attention"}
                assert present == set(SENSES) - set(without)
                logits = model(**inputs).logits
                assert logits.shape == (*inputs["input_ids"].shape, model.config.get_text_config().vocab_size)
                assert torch.isfinite(logits).all()
                lengths.add(logits.shape[1])
    assert len(lengths) > len(SENSES)


@pytest.mark.parametrize("name", SENSES)
def test_each_sense_changes_what_is_said(family: Made, name: str) -> None:
    model, processor = family
    inputs = sample(processor)
    with torch.no_grad():
        before = model(**inputs).logits[:, -1]
        other = inputs[f"{name}_values"].float().flip(1) * 0.5 + 0.1
        inputs[f"{name}_values"] = other.to(inputs[f"{name}_values"].dtype)
        after = model(**inputs).logits[:, -1]
    assert (before - after).abs().max() > 1e-6


def test_when_and_from_where_change_what_is_said(parts: Made) -> None:
    model, processor = parts
    inputs = sample(processor)
    with torch.no_grad():
        before = model(**inputs).logits[:, -1]
        for key in ("camera_time", "lidar_view", "depth_source"):
            changed = dict(inputs)
            changed[key] = 1 - inputs[key] if key.endswith("source") else inputs[key] - 0.3
            assert (model(**changed).logits[:, -1] - before).abs().max() > 1e-7, key


def test_soft_tokens_stand_in_the_places_that_are_held_for_them(parts: Made) -> None:
    model, processor = parts
    inputs = sample(processor)
    with torch.no_grad():
        soft = model.sense(**{key: inputs[key] for key in model.sense_keys() if key in inputs})
        embeds = model.fuse(inputs["input_ids"], soft)
    words = model.get_input_embeddings()(inputs["input_ids"])
    anywhere = torch.zeros_like(inputs["input_ids"], dtype=torch.bool)
    for name, index in model.config.sense_token_ids.items():
        places = inputs["input_ids"] == index
        assert torch.equal(embeds[places], soft[name].tokens[soft[name].mask])
        anywhere |= places
    assert torch.equal(embeds[~anywhere], words[~anywhere])
    pointed = [model.config.object_token_ids.index(t) for t in inputs["input_ids"][0].tolist() if t in
               model.config.object_token_ids]  # fmt: skip
    assert pointed == [0, 1]


def test_a_batch_of_different_senses_is_its_samples(family: Made) -> None:
    model, processor = family
    texts = ["a", "what do you hear, and from where?", "b"]
    sensed = [CLIP, CLIP[0], None]
    things = [THINGS, None, None]
    batch = processor(text=texts, observation=sensed, objects=things)
    assert batch["camera_mask"].sum(1).tolist() == [4, 2, 0]
    with torch.no_grad():
        together = model(**batch).logits[:, -1]
        for row in range(3):
            one = processor(text=texts[row], observation=sensed[row], objects=things[row])
            assert torch.allclose(model(**one).logits[0, -1], together[row], atol=1e-4)


def test_gradients_reach_everything(family: Made) -> None:
    model, processor = family
    model.zero_grad()
    model(**sample(processor, answer="<|obj_1|> is on the left")).loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    for name, tower in model.towers.items():
        assert sum(float(p.grad.abs().sum()) for p in tower.encoder.parameters()) > 0.0, name


def test_loss_is_on_the_answer_alone(parts: Made) -> None:
    model, processor = parts
    inputs = processor(text=["x", "yes or no?"], observation=[CLIP, None], answer=["left", "no"])
    answers = [row[row != -100].tolist() for row in inputs["labels"]]
    assert [processor.decode(ids) for ids in answers] == ["left<|end|>", "no<|end|>"]
    with torch.no_grad():
        out = model(**inputs)
    logits, losses = out.logits.log_softmax(-1), []
    for row, column in (inputs["labels"] != -100).nonzero().tolist():
        losses.append(-logits[row, column - 1, inputs["labels"][row, column]])
    assert float(out.loss) == pytest.approx(float(torch.stack(losses).mean()), abs=1e-5)


def test_generation_is_the_most_likely_token_by_token(family: Made) -> None:
    """Against whole prompts without a cache."""
    model, processor = family
    inputs = sample(processor)
    expected = inputs["input_ids"]
    told = {model.config.object_token_ids[k] for k in range(2)}
    forbidden = [*({*model.config.object_token_ids} - told), *model.config.sense_token_ids.values()]
    senses = {key: value for key, value in inputs.items() if key in model.sense_keys()}
    with torch.no_grad():
        for _ in range(6):
            logits = model(input_ids=expected, **senses).logits[0, -1]
            logits[forbidden] = -torch.inf
            expected = torch.cat((expected, logits.argmax().view(1, 1)), dim=1)
    ids = model.generate(**inputs, max_new_tokens=6, min_new_tokens=6, do_sample=False)
    end = model.generation_config.eos_token_id
    assert end not in expected[0, -6:]  # Else `min_new_tokens` would decide.
    assert torch.equal(ids, expected)


def test_generation_with_beams_and_batches(parts: Made) -> None:
    model, processor = parts
    inputs = processor(text=["a", "bcd"], observation=[CLIP, None], objects=[THINGS, None])
    ids = model.generate(**inputs, max_new_tokens=3, num_beams=2, num_return_sequences=2, do_sample=False)
    assert ids.shape[0] == 4
    sampled = model.generate(**inputs, max_new_tokens=3, do_sample=True, num_return_sequences=3)
    assert sampled.shape[0] == 6
    assert len(processor.answers(sampled[::3], inputs)) == 2


def test_only_objects_that_were_told_of_can_be_named() -> None:
    model, processor = made()
    head = torch.zeros(model.get_output_embeddings().weight.shape[0])
    wanted = model.config.object_token_ids
    head[wanted] = torch.arange(len(wanted), 0, -1.0) * -1.0 + 100.0  # The last object is the most likely of all.

    class Biased(torch.nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.linear(x, self.weight * 0.0) + head

    plain = model.get_output_embeddings()
    biased = Biased(plain.in_features, plain.out_features, bias=False)
    biased.weight = plain.weight
    model.language_model.set_output_embeddings(biased)
    with pytest.raises(InputError, match="Expected exactly one of input_ids and inputs_embeds"):
        model()
    inputs = processor(text=["a", "b"], observation=[None, None], objects=[THINGS, THINGS[:1]])
    words = processor.answers(model.generate(**inputs, max_new_tokens=2, do_sample=False), inputs)
    assert [objects_in(each) for each in words] == [[1], [0]]
    assert words[0] == object_token(1) * 2


def test_saved_and_loaded_it_says_the_same(family: Made, tmp_path: Path) -> None:
    model, processor = family
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    other, again = EmbodiedLM.from_pretrained(tmp_path), EmbodiedProcessor.from_pretrained(tmp_path)
    assert list(tmp_path.glob("*.safetensors"))
    assert not list(tmp_path.glob("*.bin"))
    first, second = sample(processor), sample(again)
    assert first.keys() == second.keys()
    assert all(torch.equal(torch.nan_to_num(first[key]), torch.nan_to_num(second[key])) for key in first)
    with torch.no_grad():
        assert torch.equal(model(**first).logits, other(**second).logits)
    assert AutoConfig.from_pretrained(tmp_path).sense_configs() == model.config.sense_configs()


def test_half_precision(family: Made) -> None:
    model, processor = family
    inputs = sample(processor)
    with torch.no_grad():
        full = model(**inputs).logits[:, -1]
        half = model.to(torch.bfloat16)(**inputs.to(torch.bfloat16)).logits[:, -1]
        assert half.dtype == torch.bfloat16
        assert torch.nn.functional.cosine_similarity(full, half.float()).item() > 0.99
        model.generate(**inputs, max_new_tokens=2)
    model.to(torch.float32)


def test_gradient_checkpointing_changes_no_gradient() -> None:
    gradients = []
    for checkpointing in (False, True):
        model, processor = made()
        if checkpointing:
            model.gradient_checkpointing_enable()
            assert model.is_gradient_checkpointing
        model.train()(**sample(processor, answer="left")).loss.backward()
        gradients.append([p.grad for p in model.parameters()])
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(*gradients, strict=True))


def test_the_vocabulary_can_grow(parts: Made) -> None:
    model, processor = made()
    before = model(**sample(processor)).logits
    rows = model.config.get_text_config().vocab_size
    model.resize_token_embeddings(rows + 3)
    assert model.config.get_text_config().vocab_size == model.language_model.config.vocab_size == rows + 3
    after = model(**sample(processor, answer="x"))
    assert after.logits.shape[-1] == rows + 3
    assert torch.allclose(model(**sample(processor)).logits[..., :rows], before, atol=1e-5)


def test_the_same_seed_begins_the_same() -> None:
    one, other = made()[0].state_dict(), made()[0].state_dict()
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_soft_tokens_begin_at_the_scale_of_words(parts: Made) -> None:
    model, processor = parts
    inputs = sample(processor)
    soft = model.sense(**{key: inputs[key] for key in model.sense_keys() if key in inputs})
    words = float(model.get_input_embeddings().weight.square().mean().sqrt())
    for name, (tokens, mask) in soft.items():
        assert float(tokens[mask].square().mean().sqrt()) == pytest.approx(words, rel=0.1), name


def test_senses_that_do_not_fit_are_named(parts: Made) -> None:
    model, processor = parts
    inputs = sample(processor)
    with pytest.raises(
        InputError, match=r"Sense 'camera': the text holds places for \[16\] tokens, the sense has \[0\]"
    ):
        model(**{key: value for key, value in inputs.items() if not key.startswith("camera_")})
    with pytest.raises(InputError, match="Sense 'camera' lacks camera_view"):
        model(**{key: value for key, value in inputs.items() if key != "camera_view"})
    with pytest.raises(InputError, match=r"Unexpected 'radar_values'\. The senses of this model: camera, depth"):
        model.sense(radar_values=torch.zeros(1))
    with pytest.raises(ValueError, match="tempratur"):
        model.generate(**inputs, tempratur=1.0)


def test_parts_have_names(parts: Made) -> None:
    model, _ = parts
    assert len(model.sense_keys()) == len(SENSES) * len(PARTS)
    with pytest.raises(InputError, match="Expected the name of a sense to be an identifier"):
        assemble(fake_language_model(), fake_tokenizer(), {"head camera": fake_senses()["camera"]})


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (None, r"There is no model '.*nowhere'\. Shipped: "),
        ({}, "has no config.json"),
        ({"config.json": "["}, "is not the JSON of a configuration"),
        ({"config.json": '{"model_type": "llama"}', "model.safetensors": ""}, "found a model of type 'llama'"),
        ({"config.json": '{"model_type": "embodied_lm"}'}, "The weights of .* are missing: expected model.safetensors"),
        ({"config.json": '{"model_type": "embodied_lm"}', "model.safetensors": "x"}, "Cannot load an EmbodiedLM from"),
    ],
)
def test_folders_of_another_kind_are_refused_in_one_line(
    tmp_path: Path, write: dict[str, str] | None, message: str
) -> None:
    folder = tmp_path / "nowhere"
    if write is not None:
        folder.mkdir()
        for name, text in write.items():
            (folder / name).write_text(text)
    with pytest.raises(ModelError, match=message) as caught:
        EmbodiedLM.from_pretrained(folder)
    assert "\n" not in str(caught.value)
