"""One self-contained page that tells an episode: what was said, seen, heard, thought and done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from pathlib import Path
from string import Template

import numpy as np

from yanshi.agent.episode import Event
from yanshi.agent.recording import charts, pictures
from yanshi.agent.recording.files import write_text
from yanshi.agent.recording.floor_map import floor_map
from yanshi.agent.recording.log import EpisodeLog, Moment
from yanshi.agent.recording.map_view import occupancy_picture, surface_picture
from yanshi.agent.recording.result import Result
from yanshi.perception.mapping.mapper import Mapper
from yanshi.perception.mapping.surface import EXTRA

SHOWN_MOMENTS = 8
KEY_FRAMES = {
    "head_rgb": "head camera",
    "head_depth": "head depth",
    "wrist_rgb": "wrist camera",
    "lidar": "LiDAR from above",
    "wrist_depth": "wrist depth",
}
SHOWN_FRAMES = 4
PROVENANCES = ("seen", "felt", "heard", "map", "told", "expected")
WHY = {
    "start": "first plan",
    "failure": "a step failed",
    "discovery": "something was found",
    "change": "the world had changed",
    "unfinished": "the goal was not reached yet",
}


@dataclass(frozen=True)
class Report:
    """Writes ``report.html`` from what was gathered."""

    log: EpisodeLog
    result: Result
    video: bool = True
    """Whether ``episode.mp4`` lies beside the page."""
    mapper: Mapper | None = None
    """The map that perception made, if it makes one."""

    def write(self, path: Path) -> None:
        """Write the page to `path`, all at once."""
        write_text(path, self.page())

    def page(self) -> str:
        """The page as HTML that is also well-formed XML."""
        template = Template(resources.files(__package__).joinpath("report_template.html").read_text(encoding="utf-8"))
        result = self.result
        place = f"{result.setting.world} · seed {result.setting.seed}" + (
            f" · {result.setting.task}" if result.setting.task else ""
        )
        return template.substitute(
            title=escape(f"yanshi: {result.setting.instruction}"),
            place=escape(f"yanshi · {place} · {result.setting.robot}"),
            instruction=f"“{escape(result.setting.instruction)}”",
            chips="".join(self._chips()),
            hero=self._hero(),
            stats="".join(self._stats()),
            sections="".join(self._sections()),
        )

    def _chips(self) -> Iterator[str]:
        result = self.result
        verdicts = {
            True: ("good", "✓ Achieved, says the oracle"),
            False: ("bad", "✗ Not achieved, says the oracle"),
            None: ("warn", "No goal to check"),
        }
        if result.outcome.interrupted:
            yield _chip("warn", "Interrupted")
        if result.outcome.error is not None:
            yield _chip("bad", f"Ended by an error: {result.outcome.error.partition(':')[0]}")
        yield _chip(*verdicts[result.success])
        agrees = result.success is None or result.outcome.claimed_success == result.success
        claim = "The agent says it is done" if result.outcome.claimed_success else "The agent does not claim success"
        yield _chip("" if agrees else "warn", claim)
        oracle = result.setting.perception == "oracle"
        yield _chip(
            "warn" if oracle else "",
            f"{result.setting.perception} perception" + (" (simulated truth)" if oracle else ""),
        )

    def _hero(self) -> str:
        scenes = [m for m in self.log.moments if m.scene is not None]
        if not scenes:
            return ""
        last = scenes[-1]
        assert last.scene is not None
        caption = f"At the end, {charts.clock(last.stamp)}."
        if self.video:
            caption += ' The whole episode: <a href="episode.mp4">episode.mp4</a>'
        picture = f'<img src="{pictures.jpeg(last.scene, 1060, 86)}" alt="The scene at the end"/>'
        return f'<figure class="hero">{picture}<figcaption>{caption}</figcaption></figure>'

    def _stats(self) -> Iterator[str]:
        result = self.result
        done = sum(s.status.value == "succeeded" for s in result.outcome.subtasks)
        yield _stat("In the world", f"{result.outcome.sim_seconds:.1f} s", f"{result.wall_seconds:.0f} s of computing")
        yield _stat("Steps that worked", f"{done} of {len(result.outcome.subtasks)}", "")
        yield _stat("New plans on the way", str(result.outcome.replans), "")
        yield _stat("Thinking", f"{1000 * result.outcome.planner_seconds:.0f} ms", f"{result.setting.planner} planner")
        yield _stat("Actions the shield changed", str(result.outcome.interventions), "")

    def _sections(self) -> Iterator[str]:
        log, result = self.log, self.result
        lead = f"{result.outcome.reason} A step has worked when its skill says so and nothing seen speaks against it."
        yield _section("What it did", lead, charts.timeline(result.outcome.subtasks, log.duration))
        yield _section("What it thought", "", "".join(self._thoughts()))
        yield _section("What went wrong, and what was done about it", "", self._troubles())
        if any(m.frames or m.scene is not None for m in log.moments):
            lead = "From outside, and through its own senses. Depth: red is near, blue is far, grey is not measured."
            if any("lidar" in m.frames for m in log.moments):
                lead += " LiDAR: echoes around it on the map that it was given, from blue (low) to red (high)."
            yield _section("What it saw", lead, "".join(self._moments()))
        drawing = floor_map(log)
        if drawing:
            yield _section("Where it went", self._map_lead(), drawing)
        if self.mapper is not None and log.path:
            yield _section("What it mapped", self._mapped_lead(self.mapper), "".join(self._mapped(self.mapper)))
        if log.sound or log.heard:
            yield _section("What it heard", "", "".join(self._sound()))
        yield _section("What it felt", "", "".join(self._felt()))
        lead = "When each fact was believed true, and how it was known. ◆ marks what the goal asks for."
        key = "".join(f'<span><i class="swatch fact {p}"></i>{charts.HOW[p]}</span>' for p in PROVENANCES)
        yield _section("What it believed", lead, f'{charts.facts(log)}<div class="key">{key}</div>')
        yield _section("To run it again", "", "".join(self._again()))

    def _thoughts(self) -> Iterator[str]:
        for request in self.log.requests:
            asked = f"“{escape(request.text)}” was understood" if len(self.log.requests) > 1 else "Understood"
            yield f"<p>{asked} as <code>{escape(str(request.goal))}</code></p>"
            if request.thought:
                yield f"<p>{escape(request.thought)}</p>"
        if self.result.outcome.thought:
            yield f"<blockquote>{escape(self.result.outcome.thought)}</blockquote>"
        plans = [e for e in self.log.events if e.kind in ("planned", "replanned")]
        if len(plans) > 1:
            yield "<h3>Every plan it made</h3>"
            yield f'<ul class="troubles">{"".join(_plan(e) for e in plans)}</ul>'

    def _troubles(self) -> str:
        events = self.log.events
        items = []
        for k, event in enumerate(events):
            if event.kind != "failed":
                continue
            after = next((e for e in events[k + 1 :] if e.kind in ("replanned", "finished", "failed")), None)
            what = f"<b>{escape(str(event.call))}</b>: " if event.call else ""
            if after is not None and after.kind == "replanned":
                then = f"<p>So it made a new plan: {escape(after.text)}</p>"
            elif after is not None and after.kind == "finished":
                then = f"<p>It stopped: {escape(after.text)}</p>"
            else:
                then = ""
            items.append(f"<li>{_time(event)}{what}{escape(event.text)}{then}</li>")
        if not items:
            return '<p class="quiet">Nothing failed.</p>'
        return f'<ul class="troubles">{"".join(items)}</ul>'

    def _moments(self) -> Iterator[str]:
        shown = _spread(self.log.moments, SHOWN_MOMENTS)
        css = "moments" if any(m.frames for m in shown) else "moments bare"
        yield f'<div class="{css}">{"".join(map(_moment, shown))}</div>'

    def _map_lead(self) -> str:
        way = np.array(self.log.path)[:, 1:3]
        length = float(np.hypot(*np.diff(way, axis=0).T).sum()) if len(way) > 1 else 0.0
        lidar = " Dots: what the LiDAR hit." if self.log.cells else ""
        if length < 0.1:
            return f"It stands still.{lidar} Green: where it believes things are."
        return f"It drove {length:.1f} m, from the ring to the arrow.{lidar} Green: where it believes things are."

    def _mapped_lead(self, mapper: Mapper) -> str:
        area = mapper.obstacles.resolution**2
        free, occupied = (area * float(cells.sum()) for cells in (mapper.occupancy.free, mapper.occupancy.occupied))
        new = area * float(mapper.obstacles.occupied.sum())
        beyond = (
            f"{new:.2f} m² of it stands where the floor plan has nothing" if new else "all as the floor plan has it"
        )
        return f"From depth and LiDARs: {free:.1f} m² of free floor, {occupied:.1f} m² occupied, {beyond}."

    def _mapped(self, mapper: Mapper) -> Iterator[str]:
        way = np.array(self.log.path)[:, 1:3]
        words = "Occupancy: light is free, dark is occupied, red is not in the floor plan, hatched was not seen."
        yield _wide(pictures.png(occupancy_picture(mapper, way)), words)
        if mapper.surface is None:
            yield f"<p class=\"quiet\">Its surfaces are fused, too, after: pip install 'yanshi[{EXTRA}]'</p>"
        else:
            picture = surface_picture(mapper, way)
            yield _wide(
                pictures.jpeg(picture, quality=88), "Surfaces from above, from blue (the floor) to red (head height)."
            )

    def _sound(self) -> Iterator[str]:
        log = self.log
        if log.sound:
            sound = np.concatenate(log.sound)
            picture = pictures.jpeg(pictures.spectrogram(sound, log.sound_rate), quality=80)
            top = log.sound_rate / 2000
            yield "<h3>Spectrogram of one microphone, 0.1 to " + f"{top:g} kHz</h3>"
            yield f'<div class="sound"><img src="{picture}" alt="Spectrogram"/></div>'
        if log.heard:
            yield "<h3>Directions of what was heard, in the map (0° is along x)</h3>"
            yield charts.bearings(log.heard, log.duration)
        else:
            yield '<p class="quiet">No sound event was recognised.</p>'
        yield charts.axis(log.duration)

    def _felt(self) -> Iterator[str]:
        log = self.log
        if log.touch:
            top = max(5.0, float(np.ceil(max(v for _, v in log.touch))))
            yield "<h3>Force on the finger pads</h3>"
            yield charts.line(log.touch, log.duration, top, "N")
        yield "<h3>Opening of the gripper</h3>"
        yield charts.line([(t, 1000 * v) for t, v in log.opening], log.duration, 85.0, "mm")
        yield charts.axis(log.duration)

    def _again(self) -> Iterator[str]:
        yield f"<pre><code>{escape(self.result.setting.command)}</code></pre>"
        rows = {
            "perception": self.result.setting.perception,
            "senses": ", ".join(self.result.setting.senses),
            **self.result.setting.versions,
        }
        cells = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in rows.items())
        yield f"<table>{cells}</table>"


def _chip(css: str, text: str) -> str:
    return f'<span class="chip {css}">{escape(text)}</span>'


def _stat(name: str, value: str, more: str) -> str:
    return f"<div><dt>{escape(name)}</dt><dd>{escape(value)} <small>{escape(more)}</small></dd></div>"


def _section(title: str, lead: str, body: str) -> str:
    words = f'<p class="lead">{escape(lead)}</p>' if lead else ""
    return f"<section><h2>{escape(title)}</h2>{words}{body}</section>\n"


def _time(event: Event) -> str:
    return f'<span class="time">{charts.clock(event.stamp)}</span>'


def _plan(event: Event) -> str:
    why = WHY[event.trigger] if event.trigger else ""
    return f"<li>{_time(event)}<b>{escape(why)}</b><p>{escape(event.text)}</p></li>"


def _spread(moments: Sequence[Moment], count: int) -> list[Moment]:
    """At most `count` of them, evenly spread, the first and the last among them."""
    if len(moments) <= count:
        return list(moments)
    return [moments[round(k * (len(moments) - 1) / (count - 1))] for k in range(count)]


def _moment(moment: Moment) -> str:
    css = "moment" if moment.scene is not None else "moment inner"
    parts = [f"<h3>{escape(moment.title)}<small>{charts.clock(moment.stamp)}</small></h3>"]
    if moment.scene is not None:
        parts.append(_figure(pictures.jpeg(moment.scene, 560, 78), "from outside", "scene"))
    for name in [name for name in KEY_FRAMES if name in moment.frames][:SHOWN_FRAMES]:
        frame = moment.frames[name]
        picture = pictures.depth_picture(frame) if frame.ndim == 2 else frame
        parts.append(_figure(pictures.jpeg(picture, 256), KEY_FRAMES[name], ""))
    return f'<div class="{css}">{"".join(parts)}</div>'


def _wide(address: str, caption: str) -> str:
    words = escape(caption)
    return f'<figure class="mapped"><img src="{address}" alt="{words}"/><figcaption>{words}</figcaption></figure>'


def _figure(address: str, caption: str, css: str) -> str:
    words = escape(caption)
    return f'<figure class="{css}"><img src="{address}" alt="{words}"/><figcaption>{words}</figcaption></figure>'
