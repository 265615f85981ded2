"""Windows mixed in torch against the same made one by one in numpy; pools drawn by one process or several."""

from pathlib import Path

import numpy as np
import pytest
import torch

from yanshi.agent.hearing import pool as pools
from yanshi.agent.hearing import sounds
from yanshi.agent.hearing.mixing import MOST, Mixer
from yanshi.agent.hearing.pool import KINDS, Pool
from yanshi.errors import InputError
from yanshi.perception.hearing.network import CLASSES

BATCH = 24


@pytest.fixture(scope="module")
def pool() -> Pool:
    return pools.sounds(0, 3 * len(KINDS))


def test_a_mixture_is_what_a_clip_of_the_same_sounds_is(pool: Pool) -> None:
    mixer = Mixer(pool, BATCH, seed=3)
    batch, recipe = mixer.batch(5), mixer.recipe(5)
    generator = torch.Generator("cpu").manual_seed(3 * 1_000_003 + 5)
    noises = mixer._noise(torch.from_numpy(recipe.ambient), len(sounds.ARRAY), generator).numpy()
    unclear = 0
    for w in range(BATCH):
        noise, late = noises[w].T.copy(), recipe.late[w]
        floor = float(np.mean(sounds.high_passed(noise) ** 2))
        images = np.zeros((len(CLASSES), *noise.shape), dtype=np.float32)
        directions, distance = np.full((len(CLASSES), 3), np.nan), np.full(len(CLASSES), np.nan)
        for row in recipe.sounds[w, recipe.gain[w] > 0.0]:
            c = pool.kind[row] % len(CLASSES)
            assert not images[c].any()
            images[c] = (pool.samples[row] * pool.scale[row]).T
            directions[c], distance[c] = pool.direction[row], pool.distance[row]
        images[:, :late], noise[:late] = 0.0, 0.0
        made = sounds.Clip(
            audio=np.clip((images.sum(axis=0) + noise) * sounds.PRESSURE, -1.0, 1.0).astype(np.float32),
            present=sounds._present(images, floor), directions=directions, distance=distance,
            images=images * sounds.PRESSURE, place="",
        )  # fmt: skip
        expected, present = sounds.example(made), batch["present"][w].numpy()
        assert batch["features"][w].numpy() == pytest.approx(expected.features, abs=1e-4)
        assert batch["masks"][w].numpy() == pytest.approx(expected.masks, abs=1e-3)
        assert batch["distance"][w].numpy() == pytest.approx(expected.distance, rel=1e-4, nan_ok=True)
        known = np.isfinite(present) & np.isfinite(expected.present)
        assert np.array_equal(present[known], expected.present[known])
        unclear += int(np.count_nonzero(~known))
    assert unclear < BATCH


def test_batches_are_the_same_for_a_step_and_others_for_the_next(pool: Pool) -> None:
    one, again, other = Mixer(pool, 4, 1), Mixer(pool, 4, 1), Mixer(pool, 4, 2)
    assert len(one) == -(-len(pool) // 4)
    assert torch.equal(one.batch(7)["features"], again.batch(7)["features"])
    assert not torch.equal(one.batch(8)["features"], again.batch(7)["features"])
    assert not torch.equal(other.batch(7)["features"], again.batch(7)["features"])
    recipe = Mixer(pool, 500).recipe(0)
    places = pool.kind[recipe.sounds] // len(CLASSES)
    assert np.all(places == places[:, :1])
    assert set(recipe.gain.sum(axis=1)) == set(range(MOST + 1))


def test_a_mixer_wants_every_kind_of_sound(pool: Pool) -> None:
    with pytest.raises(InputError, match=r"there is none of \('free', 'beep'\)"):
        Mixer(pool.first(1), 4)


def test_sounds_are_kept_and_those_of_a_seed_do_not_depend_on_who_draws_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "CHUNK", 2)
    drawn = pools.pool(tmp_path, 3)
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["00000000.safetensors", "00000002.safetensors"]
    assert len(drawn) == 3
    assert np.array_equal(drawn.samples, pools.sounds(0, 3).samples)
    assert np.array_equal(pools.pool(tmp_path, 3, seconds=0.0).distance, drawn.distance)
    with pytest.raises(InputError, match="not one sound was drawn"):
        pools.pool(tmp_path / "other", 3, seconds=0.0)
