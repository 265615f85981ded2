"""Packed layers against products worked out from their numbers."""

from typing import Literal

import pytest
import torch
from torch import nn

from yanshi.errors import InputError
from yanshi.perception.decoding.decoder import Decoder
from yanshi.perception.decoding.packed import FEW, GROUP, PackedLinear, pack
from yanshi.perception.embodied_lm.adapted import AdaptedLinear
from yanshi.perception.embodied_lm.assemble import assemble
from yanshi.perception.embodied_lm.fakes import fake_language_model, fake_observation, fake_senses, fake_tokenizer


def linear(columns: int = 96, out: int = 70, bias: bool = False) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(columns, out, bias=bias).bfloat16()


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("bits", "error"), [(8, 0.01), (4, 0.12)])
def test_few_rows_are_nearly_those_of_the_weights(bits: Literal[4, 8], error: float, bias: bool) -> None:
    layer = linear(bias=bias)
    packed = PackedLinear(layer, bits)
    x = torch.randn(3, 2, 96).bfloat16()
    exact = nn.functional.linear(x.double(), layer.weight.double(), layer.bias.double() if bias else None)
    with torch.no_grad():
        few, many = packed(x), packed(x.repeat(FEW, 1, 1))[:3]
    assert few.shape == exact.shape
    assert float((few.double() - exact).norm() / exact.norm()) < error
    assert float((many.double() - exact).norm() / exact.norm()) < 0.01
    assert float((few.double() - exact).norm()) > 0.0


def test_four_bits_hold_what_was_in_four_bits() -> None:
    """Weights s q + m on the grid of GGUF's Q4_1 come back to the precision of bfloat16."""
    generator = torch.Generator().manual_seed(0)
    q = torch.randint(0, 16, (64, 2, GROUP), generator=generator).float()
    q[..., 0], q[..., 1] = 0.0, 15.0  # Every group uses the whole grid.
    scale = 2.0 ** torch.randint(-6, -3, (64, 2, 1), generator=generator).float()
    layer = nn.Linear(2 * GROUP, 64, bias=False)
    layer.weight.data = (scale * (q - 7.0)).reshape(64, -1)
    x = torch.randn(4, 2 * GROUP, generator=generator).bfloat16()
    exact = x.double() @ layer.weight.double().T
    layer.bfloat16()
    assert float((PackedLinear(layer, 4)(x).double() - exact).norm() / exact.norm()) < 0.005


def test_layers_that_cannot_be_packed_are_named() -> None:
    with pytest.raises(InputError, match="a multiple of 32 inputs, a layer has 33"):
        PackedLinear(linear(columns=33), 4)
    with pytest.raises(InputError, match="the model is on meta"):
        PackedLinear(linear().to("meta"), 8)


@pytest.mark.parametrize("bits", [4, 8])
def test_a_packed_model_answers_and_saves(bits: Literal[4, 8], tmp_path: object) -> None:
    model, processor = assemble(fake_language_model(), fake_tokenizer(), fake_senses())
    inputs = processor(text="where?", observation=fake_observation())
    with torch.no_grad():
        before = model(**inputs).logits[0, -1].softmax(-1)
        names = set(model.state_dict())
        pack(model.language_model, bits)
        after = model(**inputs).logits[0, -1].float().softmax(-1)
    assert float((before - after).abs().sum()) < 0.2
    assert set(model.state_dict()) == names
    assert isinstance(model.get_output_embeddings(), PackedLinear)
    assert model.get_output_embeddings().bits == 8
    answer = Decoder(model, processor).answer(inputs, most=8)
    assert len(answer.tokens) == 8 or answer.complete


def test_an_update_stays_exact_beside_a_packed_layer() -> None:
    layer = linear()
    down, up = torch.randn(4, 96), torch.randn(70, 4)
    adapted = AdaptedLinear(layer, down, up, 0.5)
    x = torch.randn(2, 96).bfloat16()
    expected = x.float() @ (layer.weight.float() + 0.5 * up @ down).T
    assert torch.allclose(adapted(x).float(), expected, rtol=0.02, atol=0.3)
