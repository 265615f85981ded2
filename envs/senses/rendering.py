"""The one owner of OpenGL: pictures, metric depth and segmentation of a simulation.

Software GL is what most machines have. MuJoCo's default quality draws 4–10 pictures/s there; without shadow maps,
multisampling and reflections it is hundreds, so that is what the senses use (`FAST`). Videos may use `PRETTY`.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import sys
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakKeyDictionary, finalize, ref

import mujoco
import numpy as np

from yanshi.contracts import Array
from yanshi.envs.senses.culling import hidden, outside
from yanshi.errors import RenderingError

NEAR, FAR = 0.01, 60.0
"""Clipping planes [m]. Near enough for a camera on the wrist."""
_INSTALL = "apt-get install -y libegl1 libegl-mesa0 libgl1-mesa-dri (or set MUJOCO_GL=osmesa and install libosmesa6)"
_GL_RENDERER, _GL_VERSION = 0x1F01, 0x1F02


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What is worth its time in a picture."""

    shadow_size: int = 0
    """Shadow map resolution [px]; 0 is no shadows."""
    samples: int = 0
    """Multisampling for smooth edges; 0 is none, and depth needs none."""
    reflections: bool = False
    slices: int = 16
    """Sides of the prism that a cylinder is drawn as. Vertices are what software GL spends its time on; at 16, depth is
    at most 2 % of the radius too far."""
    stacks: int = 8
    """Rows of facets of a sphere from pole to pole."""


FAST = Quality()
"""For senses."""
PRETTY = Quality(shadow_size=2048, samples=4, reflections=True, slices=48, stacks=24)
"""For videos."""


@dataclass(frozen=True, slots=True)
class View:
    """What a camera sees, from one pass."""

    rgb: Array
    """(H, W, 3) uint8."""
    depth: Array
    """(H, W) float32 [m] along the optical axis; `FAR` where there is nothing."""


class _Context(Protocol):
    def make_current(self) -> None: ...

    def free(self) -> None: ...


def _gl_context(width: int, height: int) -> _Context:
    """A new GL context by the back end that MUJOCO_GL names; on Linux without a display, by EGL if it names none.

    The class is taken by its back end and not from `mujoco.GLContext`, which is fixed by the environment at the moment
    of the first import of mujoco, wherever that was.
    """
    backend = os.environ.get("MUJOCO_GL", "").lower().strip()
    if backend in ("disable", "disabled", "off", "false", "0"):
        raise RenderingError(f"MUJOCO_GL={backend} forbids rendering; unset it to use cameras.")
    if not backend and sys.platform == "linux" and not os.environ.get("DISPLAY"):
        backend = "egl"
    try:
        module = importlib.import_module(f"mujoco.{backend}" if backend in ("egl", "osmesa") else "mujoco.gl_context")
        context: _Context = module.GLContext(width, height)
    except (ImportError, AttributeError, OSError, RuntimeError) as error:
        name = backend or "default"
        raise RenderingError(f"No OpenGL by the back end '{name}' ({error}). To install one: {_INSTALL}.") from error
    return context


class Renderer:
    """Draws one model. It owns a GL context, which belongs to the thread that draws: use it from one at a time."""

    def __init__(self, model: mujoco.MjModel, quality: Quality = FAST, size: tuple[int, int] = (640, 480)) -> None:
        """Prepare to draw `model` at up to `size` (width, height) [px]; it grows when more is asked for.

        Raises:
            RenderingError: If there is no OpenGL, saying what to install.
        """
        self._model = ref(model)
        self.quality = quality
        self._size = size
        self._gl = _gl_context(*size)
        self._gl.make_current()
        self._context = self._make_context(model)
        self._scene = mujoco.MjvScene(model, maxgeom=model.ngeom + 100)
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = quality.shadow_size > 0
        self._scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = quality.reflections
        self._option = mujoco.MjvOption()
        self._option.sitegroup[:] = 0
        self._camera = mujoco.MjvCamera()
        self._closed = False
        self._state: tuple[object, ...] = ()
        self._views: dict[tuple[int, int, int], View] = {}
        self._forgotten = finalize(model, self.close)
        self._forgotten.atexit = False

    @property
    def model(self) -> mujoco.MjModel:
        """What is drawn. It is held weakly, so that a forgotten renderer goes with its model."""
        model = self._model()
        if model is None:
            raise RenderingError("The model of this renderer no longer exists.")
        return model

    def _make_context(self, model: mujoco.MjModel) -> mujoco.MjrContext:
        """Quality is read from the model when the context is made, so it is lent our values for that moment."""
        quality, buffer = model.vis.quality, model.vis.global_
        kept = (quality.shadowsize, quality.offsamples, quality.numslices, quality.numstacks)
        kept_size = (buffer.offwidth, buffer.offheight)
        quality.shadowsize, quality.offsamples = self.quality.shadow_size, self.quality.samples
        quality.numslices, quality.numstacks = self.quality.slices, self.quality.stacks
        buffer.offwidth, buffer.offheight = self._size
        try:
            context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
        except mujoco.FatalError as error:
            raise RenderingError(f"OpenGL does not work here ({error}). To install it: {_INSTALL}.") from error
        finally:
            quality.shadowsize, quality.offsamples, quality.numslices, quality.numstacks = kept
            buffer.offwidth, buffer.offheight = kept_size
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, context)
        context.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZEROFAR.value
        return context

    def view(self, data: mujoco.MjData, camera: int | mujoco.MjvCamera, width: int, height: int) -> View:
        """What camera `camera` (an id, or a free camera) sees now: RGB and depth from a single pass.

        Asked again for the same camera and state, it returns the same view without drawing; treat it as read-only.
        """
        state = (data.time, data.qpos.tobytes(), self.model.light_active.tobytes())
        if state != self._state:
            self._views.clear()
            self._state = state
        view = self._views.get((camera, width, height)) if isinstance(camera, int) else None
        if view is None:
            self._update(data, camera, width / height)
            rgb = np.empty((height, width, 3), np.uint8)
            depth = np.empty((height, width), np.float32)
            self._draw(rgb, depth)
            depth *= np.float32(FAR - NEAR)
            depth += np.float32(NEAR)
            np.divide(np.float32(NEAR * FAR), depth, out=depth)
            view = View(np.ascontiguousarray(rgb[::-1]), np.ascontiguousarray(depth[::-1]))
            if isinstance(camera, int):
                self._views[camera, width, height] = view
        return view

    def picture(self, data: mujoco.MjData, camera: int | mujoco.MjvCamera, width: int, height: int) -> Array:
        """What `camera` sees now, (H, W, 3) uint8, without its depth: for pictures that people look at."""
        self._update(data, camera, width / height)
        rgb = np.empty((height, width, 3), np.uint8)
        self._draw(rgb, None)
        return rgb[::-1]

    def segment(self, data: mujoco.MjData, camera: int | mujoco.MjvCamera, width: int, height: int) -> Array:
        """(H, W) int32: which geom each pixel shows, -1 where none."""
        self._update(data, camera, width / height)
        flags = (mujoco.mjtRndFlag.mjRND_SEGMENT, mujoco.mjtRndFlag.mjRND_IDCOLOR)
        for flag in flags:
            self._scene.flags[flag] = 1
        try:
            color = np.empty((height, width, 3), np.uint8)
            self._draw(color, None)
        finally:
            for flag in flags:
                self._scene.flags[flag] = 0
        drawn = color[::-1].astype(np.int32)
        index = drawn[..., 0] + (drawn[..., 1] << 8) + (drawn[..., 2] << 16)
        geom_of = np.full(self._scene.ngeom + 1, -1, np.int32)
        for geom in self._scene.geoms[: self._scene.ngeom]:
            if geom.segid >= 0 and geom.objtype == mujoco.mjtObj.mjOBJ_GEOM:
                geom_of[geom.segid + 1] = geom.objid
        shown: Array = geom_of[index]
        return shown

    def _update(self, data: mujoco.MjData, camera: int | mujoco.MjvCamera, aspect: float) -> None:
        """Fill the scene with what `camera` may see. What lies outside its view can still throw shadows into it and
        be reflected.
        """
        if isinstance(camera, int):
            self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED.value
            self._camera.fixedcamid = camera
            camera = self._camera
        everything = mujoco.mjtCatBit.mjCAT_ALL.value
        model = self.model
        mujoco.mjv_updateCamera(model, data, camera, self._scene)
        direct = not self.quality.shadow_size and not self.quality.reflections
        unseen = outside(model, data, self._scene, aspect) if direct else np.zeros(model.ngeom, dtype=np.bool_)
        with hidden(model, unseen):
            mujoco.mjv_updateScene(model, data, self._option, None, camera, everything, self._scene)
        for eye in self._scene.camera:
            scale = NEAR / eye.frustum_near
            eye.frustum_center *= scale
            eye.frustum_width *= scale
            eye.frustum_bottom *= scale
            eye.frustum_top *= scale
            eye.frustum_near, eye.frustum_far = NEAR, FAR

    def _draw(self, rgb: Array, depth: Array | None) -> None:
        height, width = rgb.shape[:2]
        self._gl.make_current()
        if width > self._context.offWidth or height > self._context.offHeight:
            mujoco.mjr_resizeOffscreen(
                max(width, self._context.offWidth), max(height, self._context.offHeight), self._context
            )
        viewport = mujoco.MjrRect(0, 0, width, height)
        mujoco.mjr_render(viewport, self._scene, self._context)
        mujoco.mjr_readPixels(rgb, depth, viewport, self._context)

    def close(self) -> None:
        """Free the GL context."""
        if self._closed:
            return
        self._closed = True
        self._forgotten.detach()
        self._gl.make_current()
        self._context.free()
        self._gl.free()


_shared: WeakKeyDictionary[mujoco.MjModel, Renderer] = WeakKeyDictionary()


def shared_renderer(model: mujoco.MjModel) -> Renderer:
    """The fast renderer that all cameras of a model share, made on first use."""
    renderer = _shared.get(model)
    if renderer is None:
        renderer = _shared[model] = Renderer(model)
    return renderer


def close_shared_renderer(model: mujoco.MjModel) -> None:
    """Free the shared renderer of a model, if there is one; its cameras make a new one when they need it."""
    renderer = _shared.pop(model, None)
    if renderer is not None:
        renderer.close()


def gl_renderer_name() -> str:
    """Who draws: the GL renderer's own name and version, e.g. ``llvmpipe (LLVM 15.0.6, 256 bits), 4.5 … Mesa 22.3.6``.

    A silent fall-back from a GPU to software costs a factor of forty, so `yanshi doctor` shows this.

    Raises:
        RenderingError: If there is no OpenGL, saying what to install.
    """
    model = mujoco.MjModel.from_xml_string("<mujoco/>")
    renderer = Renderer(model, size=(16, 16))
    try:
        words = [_gl_string(name) for name in (_GL_RENDERER, _GL_VERSION)]
    finally:
        renderer.close()
    return ", ".join(word for word in words if word) or "unknown"


def _gl_string(name: int) -> str | None:
    """What glGetString says of the context that is current, asked of each GL library until one answers."""
    for library in ("libOpenGL.so.0", "libGL.so.1", "libOSMesa.so.8"):
        try:
            get_string = ctypes.CDLL(library).glGetString
        except (OSError, AttributeError):
            continue
        get_string.restype, get_string.argtypes = ctypes.c_char_p, [ctypes.c_uint]
        answer: bytes | None = get_string(name)
        if answer:
            return answer.decode()
    return None
