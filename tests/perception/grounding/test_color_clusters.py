import numpy as np

from yanshi.contracts import Entity, FloorPlan, OccupancyGrid, Region
from yanshi.perception.grounding.color_clusters import ColorClusters, KnownKind
from yanshi.perception.grounding.views import CameraView

K = np.array([[110.0, 0.0, 63.5], [0.0, 110.0, 63.5], [0.0, 0.0, 1.0]])
FROM_ABOVE = np.array([[0.0, -1.0, 0.0, 0.0], [-1.0, 0.0, 0.0, 0.0], [0.0, 0.0, -1.0, 1.2], [0.0, 0.0, 0.0, 1.0]])
PALETTE = {"red": (0.8, 0.1, 0.1), "blue": (0.1, 0.3, 0.8)}
CUBE = KnownKind(label="cube", colors=("red", "blue"), extent=np.full(3, 0.05), attributes={"shape": "cube"})
BOOK = KnownKind(label="book", colors=("red", "blue"), extent=np.array([0.15, 0.1, 0.02]), attributes={"shape": "box"})
TABLE = Entity(
    name="table",
    label="table",
    category="fixture",
    position_w=np.zeros(3),
    extent=np.array([0.8, 0.8, 0.4]),
    regions=(Region(kind="on", center_e=np.array([0.0, 0.0, 0.55]), half=np.array([0.4, 0.4, 0.15])),),
)


def view() -> CameraView:
    """From 0.8 m above a white table: a red cube at (0.1, 0.1), a blue book at (-0.1, -0.1)."""
    rgb, depth = np.full((128, 128, 3), 240, np.uint8), np.full((128, 128), 0.8, np.float32)
    for x, y, half, tall, color in ((0.1, 0.1, (0.025, 0.025), 0.05, 0), (-0.1, -0.1, (0.05, 0.075), 0.02, 1)):
        z = 0.8 - tall
        u, v = (slice(round(110 * (-c - h) / z + 63.5), round(110 * (-c + h) / z + 63.5)) for c, h in
                ((y, half[1]), (x, half[0])))  # fmt: skip
        depth[v, u] = z
        rgb[v, u] = np.array(list(PALETTE.values())[color]) * 200
    return CameraView(name="head_rgb", rgb=rgb, depth=depth, K=K, T_bc=FROM_ABOVE)


def test_things_that_stand_out_are_named_by_colour_and_size() -> None:
    grid = OccupancyGrid(occupied=np.zeros((2, 2), bool), resolution=1.0, origin_w=np.zeros(2))
    plan = FloorPlan(rooms=(), fixtures=(TABLE,), grid=grid, start_w=np.zeros(3))
    found = ColorClusters(plan, (CUBE, BOOK), PALETTE).look([view()], np.zeros(3))
    by_kind = {d.label: d for d in found}
    assert set(by_kind) == {"cube", "book"}
    assert by_kind["cube"].attributes["color"] == "red"
    assert by_kind["book"].attributes["color"] == "blue"
    np.testing.assert_allclose(by_kind["cube"].position_w, [0.1, 0.1, 0.425], atol=0.01)
    np.testing.assert_allclose(by_kind["book"].position_w, [-0.1, -0.1, 0.41], atol=0.01)
