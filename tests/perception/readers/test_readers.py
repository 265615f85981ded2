"""Readers against what the frames were made from."""

from dataclasses import replace

import numpy as np
import pytest

from yanshi.contracts import Frame, Observation, Proprioception
from yanshi.perception.readers.image import ColorDepthReader, ColorReader, DepthReader
from yanshi.perception.readers.lidar import PointsReader, RangeReader
from yanshi.perception.readers.sound import SoundReader

FELT = Proprioception(
    joint_names=(), joint_positions=np.zeros(0), joint_velocities=np.zeros(0), odometry=np.zeros(3),
    base_velocity_b=np.zeros(3), T_be=np.eye(4), gripper_opening=0.0,
)  # fmt: skip


def seen(*frames: Frame) -> Observation:
    return Observation(stamp=max(f.stamp for f in frames), frames={f.name: f for f in frames}, proprioception=FELT)


def heard(stop: int, count: int, track: np.ndarray) -> Observation:
    data = track[stop - count : stop].astype(np.float32)
    return seen(Frame(name="audio", modality="audio", stamp=stop / 16_000.0, data=data, rate=16_000.0))


def test_sound_is_joined_and_cut_from_its_end() -> None:
    track = np.arange(1.0, 4001.0)[:, None] * 1e-4 * np.ones(2)
    clip = [heard(stop, 640, track) for stop in range(640, 3841, 640)]
    reader = SoundReader(samples=1000, microphones=2)
    readings = reader.read([*clip, clip[-1]], "audio", frames=3)
    assert [len(reading.value) for reading in readings] == [1000] * 3
    assert np.allclose(np.concatenate([r.value for r in readings]), track[840:3840])
    assert [reading.stamp for reading in readings] == pytest.approx([1840 / 16e3, 2840 / 16e3, 3840 / 16e3])


def test_sound_that_was_lost_is_silence() -> None:
    track = np.ones((4000, 2)) * 0.5
    clip = [heard(640, 640, track), heard(1920, 640, track)]
    (reading,) = SoundReader(samples=2000, microphones=2).read(clip, "audio", frames=4)
    assert np.array_equal(reading.value[:, 0] > 0.0, np.repeat([False, True, False, True], [80, 640, 640, 640]))


def test_points_are_in_the_base_and_thinned_evenly() -> None:
    T_bs = np.eye(4)
    T_bs[:3, :3] = [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]  # Turned left.
    T_bs[:3, 3] = (0.1, 0.0, 1.0)
    data = np.column_stack((np.arange(1.0, 101.0), np.zeros((100, 2)), np.full(100, 0.5))).astype(np.float32)
    frame = Frame(name="lidar", modality="lidar", stamp=1.0, data=data, rate=10.0, T_bs=T_bs)
    (thin,) = PointsReader(points=10).read([seen(frame)], "lidar", 1)
    assert np.allclose(thin.value[:, 1], np.linspace(1, 100, 10).astype(int), atol=1.0)
    assert np.allclose(thin.value[:, [0, 2, 3]], (0.1, 1.0, 0.5))
    (full,) = PointsReader(points=128).read([seen(frame)], "lidar", 1)
    assert np.isnan(full.value[100:]).all()
    assert np.isfinite(full.value[:100]).all()
    (none,) = PointsReader(points=8).read([seen(replace(frame, data=data[:0]))], "lidar", 1)
    assert np.isnan(none.value).all()


def test_a_range_image_has_rays_where_they_were_shot() -> None:
    elevation, azimuth = np.deg2rad(np.linspace(-40.0, 10.0, 6)), np.deg2rad(np.arange(-175.0, 180.0, 10.0))
    e, a = np.meshgrid(elevation, azimuth, indexing="ij")
    distance = 1.0 + np.arange(e.size).reshape(e.shape) * 0.01
    rays = np.stack((np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)), axis=-1) * distance[..., None]
    data = np.concatenate((rays, np.full((*e.shape, 1), 0.3)), axis=-1).reshape(-1, 4).astype(np.float32)
    behind = data[:1] * (2.0, 2.0, 2.0, 1.0)  # On the first ray, twice as far: hidden.
    frame = Frame(
        name="lidar", modality="lidar", stamp=1.0, data=np.concatenate((data, behind)).astype(np.float32), rate=10.0
    )
    (reading,) = RangeReader(rows=6, columns=36).read([seen(frame)], "lidar", 1)
    assert np.allclose(reading.value[0], distance, atol=1e-5)
    assert np.allclose(reading.value[1], 0.3)


def camera(name: str, stamp: float, data: np.ndarray) -> Frame:
    return Frame(name=name, modality=name.split("_")[1], stamp=stamp, data=data, rate=10.0)  # type: ignore[arg-type]


def test_images_shrink_by_the_mean_and_depth_by_the_nearest() -> None:
    rgb = np.zeros((32, 32, 3), np.uint8)
    rgb[::2] = 100
    depth = np.ones((32, 32), np.float32)
    depth[:, 16:] = 3.0
    depth[:4] = np.nan
    observation = seen(camera("head_rgb", 1.0, rgb), camera("head_depth", 1.0, depth))
    (color,) = ColorReader(height=16, columns=16).read([observation], "head_rgb", 1)
    assert color.value.shape == (3, 16, 16)
    assert (color.value == 50).all()
    (metres,) = DepthReader(height=8, columns=8).read([observation], "head_depth", 1)
    assert set(np.unique(metres.value[0, 1:])) == {1.0, 3.0}
    assert np.isnan(metres.value[0, 0]).all()


def test_color_and_depth_of_one_moment_go_together() -> None:
    rgb, depth = np.full((16, 16, 3), 7, np.uint8), np.full((16, 16), 2.0, np.float32)
    reader = ColorDepthReader(sources=("head",), height=16, columns=16)
    both = seen(camera("head_rgb", 1.0, rgb), camera("head_depth", 1.01, depth))
    late = seen(camera("head_rgb", 1.0, rgb), camera("head_depth", 1.2, depth))
    (value,) = (reading.value for reading in reader.read([both], "head", 1))
    assert (value[:3] == 7).all()
    assert (value[3] == 2.0).all()
    assert np.isnan(reader.read([late], "head", 1)[0].value[3]).all()
    (blind,) = reader.read([seen(camera("head_depth", 1.0, depth))], "head", 1)
    assert np.isnan(blind.value[:3]).all()
    assert (blind.value[3] == 2.0).all()
    assert reader.read([both], "wrist", 1) == []
