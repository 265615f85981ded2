"""``episode.mp4``: the scene from outside, what the robot's cameras see, and what it is doing, in words."""

from __future__ import annotations

import os
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from yanshi.agent.episode import Outcome, Request, Step
from yanshi.agent.recording.charts import clock, words
from yanshi.agent.recording.log import View
from yanshi.agent.recording.pictures import depth_picture

INSETS = (("head_rgb", "head"), ("head_depth", "head depth"), ("wrist_rgb", "wrist"))
INSET = 132
"""Side of an inset [px]."""
BAND = 56
"""Height of the caption [px]."""
GAP = 12
INK, PAPER, SOFT = (238, 236, 230), (20, 23, 27), (160, 166, 174)


class VideoRecorder:
    """A subscriber that writes a video. The file takes its name only when complete; an interruption completes it."""

    def __init__(self, path: Path, view: View, *, every: int = 4, fps: int = 25) -> None:
        """Take a picture from `view` every `every` turns and show `fps` of them a second."""
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        self._view = view
        self._every = every
        self._fps = fps
        self._title = ""
        self._container: Any = None
        self._stream: Any = None
        self._last: NDArray[np.uint8] | None = None

    def on_start(self, requests: Sequence[Request]) -> None:
        """Remember what was asked; the file is begun with the first picture."""
        self._title = "; ".join(request.text for request in requests)

    def on_step(self, step: Step) -> None:
        """Take a picture, if one is due."""
        if step.index % self._every == 0 or step.action is None:
            self._write(self._compose(step))

    def on_end(self, outcome: Outcome) -> None:
        """Hold the last picture for a second, close the file and put it in its place."""
        if self._container is None or self._last is None:
            return
        for _ in range(self._fps):
            self._encode(self._last)
        for packet in self._stream.encode():
            self._container.mux(packet)
        self._container.close()
        self._container = None
        os.replace(self._part, self._path)

    def _write(self, picture: NDArray[np.uint8]) -> None:
        if self._container is None:
            self._open(picture.shape[1], picture.shape[0])
        self._encode(picture)
        self._last = picture

    def _open(self, width: int, height: int) -> None:
        self._container = av.open(str(self._part), "w", format="mp4", options={"movflags": "faststart"})
        self._stream = self._container.add_stream("h264", rate=Fraction(self._fps))
        self._stream.width, self._stream.height = width, height
        self._stream.pix_fmt = "yuv420p"
        self._stream.options = {"preset": "superfast", "crf": "25"}

    def _encode(self, picture: NDArray[np.uint8]) -> None:
        for packet in self._stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
            self._container.mux(packet)

    def _compose(self, step: Step) -> NDArray[np.uint8]:
        """The picture, with insets and a caption; sides are even, as the format wants."""
        scene = Image.fromarray(np.ascontiguousarray(self._view(draft=True)))
        canvas = Image.new("RGB", (scene.width // 2 * 2, (scene.height + BAND) // 2 * 2), PAPER)
        canvas.paste(scene, (0, 0))
        draw = ImageDraw.Draw(canvas)
        y = GAP
        for name, label in INSETS:
            frame = step.observation.frames.get(name)
            if frame is None:
                continue
            picture = depth_picture(frame.data) if frame.data.ndim == 2 else frame.data
            inset = Image.fromarray(np.ascontiguousarray(picture)).resize((INSET, INSET))
            x = scene.width - INSET - GAP
            canvas.paste(inset, (x, y))
            draw.rectangle((x - 1, y - 1, x + INSET, y + INSET), outline=PAPER)
            draw.text((x + 6, y + INSET - 19), label, INK, _font(13), stroke_width=2, stroke_fill=PAPER)
            y += INSET + GAP
        self._caption(draw, step, scene.width, scene.height)
        return np.asarray(canvas)

    def _caption(self, draw: ImageDraw.ImageDraw, step: Step, width: int, top: int) -> None:
        doing = words(step.current) if step.current is not None else "done"
        if step.activity and step.current is not None:
            doing = f"{doing} · {step.activity}"
        doing = doing.replace("→", ">")  # the font has no arrow
        speed = self._every * self._fps * 0.04
        time = f"{clock(step.observation.stamp)}   {speed:g}x"
        draw.text((GAP, top + 7), _fit(f"“{self._title}”", width - 130, 18), INK, _font(18))
        draw.text((GAP, top + 32), _fit(doing, width - 130, 15), SOFT, _font(15))
        draw.text((width - GAP, top + 7), time, INK, _font(18), anchor="ra")


@lru_cache
def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


@lru_cache
def _fit(text: str, width: int, size: int) -> str:
    """`text` on one line, cut with an ellipsis where it is wider than `width` [px]."""
    text = " ".join(text.split())
    font = _font(size)
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
