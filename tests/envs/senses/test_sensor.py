from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from yanshi.contracts import Frame
from yanshi.envs.senses.noise import Bias, Chain, Gaussian, Pixels, Range, StereoDepth
from yanshi.envs.senses.sensor import FakeSensor, Sensor, Timed, check_sensor
from yanshi.errors import ContractError, InputError

TICK = 0.02


def run(timed: Timed, ticks: int, seed: int = 0) -> list[tuple[float, Frame]]:
    """When each frame was delivered, over `ticks` ticks from time 0 on; time is summed up, as in MuJoCo."""
    timed.reset(seed)
    sim = SimpleNamespace(time=0.0)
    delivered = []
    for _ in range(ticks):
        frame = timed.poll(sim)  # type: ignore[arg-type]
        if frame is not None:
            delivered.append((sim.time, frame))
        sim.time += TICK
    return delivered


@pytest.mark.parametrize("rate", [1.0, 5.0, 10.0, 20.0, 25.0, 30.0, 50.0])
def test_rate_over_a_minute(rate: float) -> None:
    stamps = [frame.stamp for _, frame in run(Timed(FakeSensor(), rate), 3000)]
    assert len(stamps) == round(rate * 60.0)
    due = np.arange(len(stamps)) / rate
    late = np.array(stamps) - due
    assert late.min() > -1e-5
    assert late.max() < TICK


def test_rate_above_the_tick_gives_one_reading_a_tick() -> None:
    assert len(run(Timed(FakeSensor(), 1000.0), 100)) == 100


@pytest.mark.parametrize("latency", [0.0, 0.02, 0.05, 0.3])
def test_delivered_one_latency_after_the_stamp(latency: float) -> None:
    for time, frame in run(Timed(FakeSensor(), 10.0, latency=latency), 200):
        assert -1e-5 <= time - (frame.stamp + latency) < TICK


def test_a_frame_is_there_at_time_zero_in_spite_of_latency() -> None:
    time, frame = run(Timed(FakeSensor(), 10.0, latency=0.3), 1)[0]
    assert time == 0.0
    assert frame.stamp == pytest.approx(-0.3)


def test_read_only_when_due() -> None:
    sensor = FakeSensor()
    run(Timed(sensor, 2.0), 100)
    assert sensor.readings == 4


def test_frames_come_in_order_and_none_twice() -> None:
    stamps = [frame.stamp for _, frame in run(Timed(FakeSensor(), 50.0, latency=0.1), 300)]
    assert np.all(np.diff(stamps) > 0.0)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_dropout_share(share: float) -> None:
    n = 4000
    lost = 1.0 - len(run(Timed(FakeSensor(), 50.0, dropout=share), n)) / n
    assert abs(lost - share) < 4.0 * np.sqrt(share * (1.0 - share) / n)


def test_dropout_of_everything() -> None:
    assert run(Timed(FakeSensor(), 50.0, dropout=1.0), 100) == []


def test_the_seed_decides() -> None:
    timed = Timed(FakeSensor(), 50.0, dropout=0.3, noise=Gaussian(1.0), extrinsic_error=(0.01, 0.01))
    first, second, other = (run(timed, 200, seed) for seed in (7, 7, 8))
    assert [t for t, _ in first] == [t for t, _ in second]
    assert all(np.array_equal(a.data, b.data) for (_, a), (_, b) in zip(first, second, strict=True))
    assert np.array_equal(first[0][1].T_bs, second[0][1].T_bs)  # type: ignore[arg-type]
    assert [t for t, _ in first] != [t for t, _ in other]


def test_senses_are_independent() -> None:
    """Two of different names do not share their chance, and drop-out does not change the noise of what is left."""
    whole = {f.stamp: f.data for _, f in run(Timed(FakeSensor(), 50.0, noise=Gaussian(1.0)), 200)}
    other = {f.stamp: f.data for _, f in run(Timed(FakeSensor("other"), 50.0, noise=Gaussian(1.0)), 200)}
    noise = np.array([whole[t] - k for k, t in enumerate(whole)]).ravel()
    noise_of_other = np.array([other[t] - k for k, t in enumerate(other)]).ravel()
    assert abs(np.corrcoef(noise, noise_of_other)[0, 1]) < 0.3


def test_extrinsic_error_is_constant_in_an_episode_and_of_the_right_size() -> None:
    timed = Timed(FakeSensor(), 50.0, extrinsic_error=(0.02, 0.01))
    shifts, angles = [], []
    for seed in range(400):
        frames = [frame for _, frame in run(timed, 3, seed)]
        T = frames[0].T_bs
        assert T is not None
        assert np.array_equal(T, frames[2].T_bs)  # type: ignore[arg-type]
        assert np.allclose(T[:3, :3] @ T[:3, :3].T, np.eye(3), atol=1e-12)
        shifts.append(T[:3, 3] - [0.0, 0.0, 1.0])
        angles.append(np.arccos(np.clip((np.trace(T[:3, :3]) - 1.0) / 2.0, -1.0, 1.0)))
    assert np.std(shifts) == pytest.approx(0.02, rel=0.1)
    assert np.sqrt(np.mean(np.square(angles)) / 3.0) == pytest.approx(0.01, rel=0.1)


def test_frame_rate_is_that_of_the_wrapper() -> None:
    assert run(Timed(FakeSensor(), 12.5), 1)[0][1].rate == 12.5


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"rate": 0.0}, "rate must be > 0 Hz, got 0.0"),
        ({"rate": 1.0, "latency": -1.0}, "latency must be >= 0 s, got -1.0"),
        ({"rate": 1.0, "dropout": 1.5}, r"dropout must be in \[0, 1\], got 1.5"),
        ({"rate": 1.0, "extrinsic_error": (-1.0, 0.0)}, "extrinsic_error must be >= 0"),
    ],
)
def test_bad_numbers_are_refused(kwargs: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=f"Sense 'fake': {message}"):
        Timed(FakeSensor(), **kwargs)  # type: ignore[arg-type]


def test_noise_statistics() -> None:
    rng = np.random.default_rng(0)
    flat = np.zeros(100_000, np.float32)
    assert Gaussian(0.3)(flat, rng).std() == pytest.approx(0.3, rel=0.02)
    for z in (0.5, 1.0, 2.0, 4.0):
        depth = np.full((300, 300), z, np.float32)
        assert StereoDepth(0.002)(depth, rng).std() == pytest.approx(0.002 * z**2, rel=0.02)
    grey = np.full((200, 200, 3), 100, np.uint8)
    noisy = Pixels(5.0)(grey, rng)
    assert noisy.dtype == np.uint8
    assert noisy.std() == pytest.approx(5.0, rel=0.02)
    assert noisy.mean() == pytest.approx(100.0, abs=0.1)
    assert Pixels(50.0)(np.full((50, 50, 3), 250, np.uint8), rng).min() > 0  # Clipped, not wrapped around.


def test_depth_noise_keeps_holes() -> None:
    depth = np.array([[1.0, np.nan]], np.float32)
    noisy = StereoDepth()(depth, np.random.default_rng(0))
    assert noisy.dtype == np.float32
    assert np.isnan(noisy[0, 1])


def test_range_noise_moves_points_along_their_rays() -> None:
    rng = np.random.default_rng(0)
    points = np.column_stack((rng.normal(0.0, 3.0, (20_000, 3)), rng.random(20_000))).astype(np.float32)
    noisy = Range(0.05)(points, rng)
    r, s = np.linalg.norm(points[:, :3], axis=1), np.linalg.norm(noisy[:, :3], axis=1)
    far = r > 1.0
    assert (s - r)[far].std() == pytest.approx(0.05, rel=0.03)
    assert np.allclose(noisy[far, :3] / s[far, None], points[far, :3] / r[far, None], atol=1e-5)
    assert np.array_equal(noisy[:, 3], points[:, 3])


def test_bias_is_constant_in_an_episode() -> None:
    noise = Chain((Bias((1.0, 10.0)), Gaussian(1e-6)))
    rng, offsets = np.random.default_rng(0), []
    for _ in range(500):
        noise.reset(rng)
        first, second = (noise(np.zeros(2, np.float32), rng) for _ in range(2))
        assert np.allclose(first, second, atol=1e-4)
        offsets.append(first)
    assert np.std(offsets, axis=0) == pytest.approx([1.0, 10.0], rel=0.1)


class _Meddler(FakeSensor):
    def read(self, sim, rng):  # type: ignore[no-untyped-def]
        sim.data.qpos[0] += 1.0
        return super().read(sim, rng)


class _Late(FakeSensor):
    def read(self, sim, rng):  # type: ignore[no-untyped-def]
        return super().read(SimpleNamespace(time=sim.time - 1.0), rng)  # type: ignore[arg-type]


class _Fickle(FakeSensor):
    def reset(self, rng):  # type: ignore[no-untyped-def]
        """Does not begin again."""


@pytest.mark.parametrize(
    ("sensor", "message"),
    [
        (_Meddler(), "reading must not change the simulation"),
        (_Late(), "expected stamp"),
        (_Fickle(), "the same seed gave two different readings"),
        (object(), "expected name, modality, setup, read and close"),
    ],
)
def test_check_sensor_finds_faults(simulate, sensor: Sensor, message: str) -> None:  # type: ignore[no-untyped-def]
    sim = simulate('<body name="base"><freejoint/><geom size=".1"/></body>')
    with pytest.raises(ContractError, match=message):
        check_sensor(sensor, sim)


def test_check_sensor_accepts_the_fake(simulate) -> None:  # type: ignore[no-untyped-def]
    frame = check_sensor(FakeSensor(), simulate('<body name="base"><geom size=".1"/></body>'))
    assert frame is not None
    assert frame.data == [0.0]
