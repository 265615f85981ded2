"""``yanshi run``: carry out an instruction, and leave a video, a report and a result."""

from __future__ import annotations

import shlex
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import FrameType
from typing import Annotated

import tyro
from rich.console import Console

from yanshi.agent.assignment import Assignment, draw_assignment, first_look, told, understood
from yanshi.agent.commands.parsing import at_least, parse, say
from yanshi.agent.episode import Outcome, Request, Step
from yanshi.agent.evaluation.judge import Judge
from yanshi.agent.evaluation.reference import true_goal
from yanshi.agent.executive import Limits
from yanshi.agent.recording.files import output_folder
from yanshi.agent.recording.log import EpisodeLog
from yanshi.agent.recording.progress import Progress
from yanshi.agent.recording.report import Report
from yanshi.agent.recording.result import Result, Setting
from yanshi.agent.recording.spectator import Spectator
from yanshi.agent.recording.video import VideoRecorder
from yanshi.agent.spoken import spoken_command
from yanshi.agent.versions import versions
from yanshi.agent.wiring import SENSES, Agent, AgentConfig, build_agent, build_loop, simulate
from yanshi.envs.clock import CONTROL_DT
from yanshi.envs.oracle import Oracle
from yanshi.envs.robots import robot as robot_of_name
from yanshi.envs.simulation import Simulation
from yanshi.envs.worlds import world
from yanshi.envs.worlds.world import World
from yanshi.errors import InputError
from yanshi.goals import Goal
from yanshi.perception.mapping import surface

ACHIEVED, NOT_ACHIEVED, INTERRUPTED = 0, 1, 130
INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Carry out an instruction in a simulated world.

    Leaves `episode.mp4`, `report.html` and `result.json` in a folder. The exit status is 0 if the goal was achieved (by
    the word of the simulation, not the agent's), 1 if not, 2 for bad input.
    """

    instruction: Annotated[str, tyro.conf.Positional] = ""
    """What is to be done, in words."""
    say: Path | None = None
    """A WAV file instead of words: somebody near the robot plays it, and what its microphones hear is the instruction.
    """
    world: str = "home"
    """`home` or `tabletop`."""
    seed: int = 0
    """Which world, and which noise."""
    goal: str | None = None
    """What the words mean, if they are not to be understood: 'in(red_mug, sink)'."""
    task: str | None = None
    """A task's scene and instruction instead of the world's own; see `yanshi tasks`."""
    agent: str = "default"
    """`default`, `expert` (is told the truth and the goal), `nothing` or `random`."""
    planner: str = "search"
    """Who plans: `search`."""
    perception: str = "learned"
    """Who perceives: `learned` (raw senses) or `oracle` (simulated truth, restricted to what is in view and heard)."""
    weights: str = ""
    """Of learned perception: the folder that `yanshi train senses` wrote; empty for those that are shipped."""
    understanding: str = "retrieval"
    """Who makes a goal of the words: `retrieval` (nearest phrasing) or `model` (the language model)."""
    shield: str = "range"
    """What stands before the motors: `range`, or `full`, which also keeps off what is sensed and slows beside people.
    """
    skills: str = "tuned"
    """How the default agent moves: `tuned` (motor policies where there are any) or `scripted`."""
    senses: str = ",".join(SENSES)
    """Which senses the robot has."""
    robot: str | None = None
    """`mobile_panda` or `panda`; the world's own if not given."""
    seconds: float = 300.0
    """How long the robot may try, in simulated seconds."""
    video: bool = True
    """Write a video; without it a run is faster."""
    out: Path = Path("out")
    """Where the files go."""


@dataclass(frozen=True)
class Episode:
    """Everything that is settled before the robot moves."""

    sim: Simulation
    agent: Agent
    requests: tuple[Request, ...]
    goals: tuple[Goal, ...]
    """What the evaluator checks, with true names."""


def main(arguments: Sequence[str]) -> int:
    """Run one episode."""
    options = parse(Options, "run", arguments)
    at_least("run", 0, seed=options.seed)
    at_least("run", CONTROL_DT, seconds=options.seconds)
    began = time.perf_counter()
    config = _agent_config(options)
    folder = output_folder(options.out)
    assignment = _assignment(options)
    with simulate(assignment.world, config) as sim:
        episode = _prepare(sim, config, assignment, told_goal=options.goal is not None)
        folder.mkdir(parents=True, exist_ok=True)
        result = _carry_out(episode, options, folder, began)
    _tell(result, folder)
    if result.outcome.interrupted:
        return INTERRUPTED
    return ACHIEVED if result.success else NOT_ACHIEVED


def _agent_config(options: Options) -> AgentConfig:
    senses = tuple(name.strip() for name in options.senses.split(",") if name.strip())
    return AgentConfig(
        agent=options.agent,  # type: ignore[arg-type]
        perception=options.perception,
        weights=options.weights,
        planner=options.planner,
        understanding=options.understanding,
        shield=options.shield,
        skills=options.skills,
        senses=senses,
        surface=options.perception == "learned" and surface.available(),
        seed=options.seed,
    )


def _assignment(options: Options) -> Assignment:
    """The world, what is said, and what it means where a task or the user says so."""
    body = None if options.robot is None else robot_of_name(options.robot)
    goals = () if options.goal is None else (_goal(options.goal),)
    if options.task is not None:
        drawn = draw_assignment(options.task, options.seed, body)
        if not options.instruction and not goals and options.say is None:
            return replace(drawn, horizon=options.seconds)
        shown = drawn.world
    else:
        shown = world(options.world, options.seed, body)
    text = options.instruction.strip() if options.say is None else _heard(shown, options)
    if not text and not goals:
        raise InputError(
            'run: expected an instruction, got none. For example: yanshi run "put the red mug in the sink".'
        )
    return Assignment(world=shown, instructions=(text or str(options.goal),), goals=goals, horizon=options.seconds)


def _goal(text: str) -> Goal:
    """The goal that a user wrote; each of its variables must stand for something."""
    goal = Goal.parse(text)
    if unbound := goal.unbound():
        raise InputError(
            f"Malformed goal '{text}': the variable {unbound[0]} is not bound by an exists. "
            f"For example: exists {unbound[0]}: (kind({unbound[0]}, mug) and near({unbound[0]}))."
        )
    return goal


def _heard(shown: World, options: Options) -> str:
    """The instruction that is spoken to the robot."""
    if options.instruction or options.say is None:
        raise InputError("run: expected an instruction in words or --say FILE.wav, got both.")
    config = _agent_config(options)
    with simulate(shown, config) as sim:
        belief = first_look(build_agent(sim, config), sim.observe())
    text = spoken_command(shown, options.say, options.seed, belief=belief)
    say(f"Heard: {text}")
    return text


def _prepare(sim: Simulation, config: AgentConfig, assignment: Assignment, *, told_goal: bool) -> Episode:
    """Understand what was said, and check that what it speaks of exists."""
    agent = build_agent(sim, config)
    wanted, said = assignment.goals, assignment.instructions
    if wanted and (told_goal or config.agent != "default"):
        requests = told(said, wanted)
    else:
        requests = understood(said, agent, sim.observe(), config.understanding)
    oracle = Oracle(sim)
    goals = tuple(true_goal(goal, oracle) for goal in wanted or [request.goal for request in requests])
    return Episode(sim, agent, requests, goals)


def _carry_out(episode: Episode, options: Options, folder: Path, began: float) -> Result:
    """Run the loop with every recorder; an interruption, or a fault of a part, ends it early and leaves the same
    files.
    """
    sim = episode.sim
    for name in ("episode.mp4", "report.html", "result.json"):
        (folder / name).unlink(missing_ok=True)  # of a run before: never two runs side by side
    spectator = Spectator(sim)
    log = EpisodeLog(view=spectator.picture)
    judge = Judge(Oracle(sim), episode.goals)
    video = [VideoRecorder(folder / "episode.mp4", spectator.picture)] if options.video else []
    files = _Files(episode, options, folder, log, judge, began)
    loop = build_loop(sim, episode.agent, [judge, log, *video, Progress(Console()), files])
    with _interruptible_once(), closing(spectator):
        try:
            loop.run(episode.requests, Limits(horizon=options.seconds))
        except KeyboardInterrupt:
            if files.result is None:
                raise
    assert files.result is not None
    return files.result


@dataclass
class _Files:
    """A subscriber that leaves the result and the report once all the others have their say."""

    episode: Episode
    options: Options
    folder: Path
    log: EpisodeLog
    judge: Judge
    began: float
    """When the command began [s], by `time.perf_counter`."""
    result: Result | None = None

    def on_start(self, requests: Sequence[Request]) -> None:
        """Nothing yet."""

    def on_step(self, step: Step) -> None:
        """Nothing yet."""

    def on_end(self, outcome: Outcome) -> None:
        """Write what there is."""
        if outcome.interrupted or outcome.error is not None:
            say(f"{outcome.reason.rstrip('.')}. Writing what there is to {self.folder}.")
        self.result = Result(
            setting=_setting(self.episode, self.options, self.log),
            outcome=outcome,
            success=self.judge.success,
            progress=self.judge.progress,
            wall_seconds=time.perf_counter() - self.began,
        )
        self.result.write(self.folder / "result.json")
        report = Report(self.log, self.result, self.options.video, self.episode.agent.mapper)
        report.write(self.folder / "report.html")


@contextmanager
def _interruptible_once() -> Iterator[None]:
    """Ctrl-C, or being told to end, interrupts the first time; after that the files are written in peace."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        for ignored in INTERRUPTS:
            signal.signal(ignored, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in INTERRUPTS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _setting(episode: Episode, options: Options, log: EpisodeLog) -> Setting:
    config = _agent_config(options)
    senses = config.senses if config.agent == "default" else ()
    return Setting(
        instruction="; ".join(request.text for request in episode.requests),
        goal="; ".join(map(str, episode.goals)),
        understood="; ".join(str(request.goal) for request in episode.requests),
        world=episode.sim.world.name,
        seed=options.seed,
        robot=episode.sim.robot.name,
        task=options.task,
        agent=config.agent,
        planner=config.planner,
        perception=log.perception,
        shield=config.shield,
        senses=senses,
        command=_command(options),
        versions=versions(),
    )


def _command(options: Options) -> str:
    """The command that does the same again; where its files go is left out."""
    parts = ["yanshi", "run"]
    if options.instruction:
        parts.append(shlex.quote(options.instruction))
    for field in fields(Options):
        value = getattr(options, field.name)
        always = ("seed",) if options.task is not None else ("world", "seed")
        if field.name in ("instruction", "out") or (value == field.default and field.name not in always):
            continue
        name = field.name.replace("_", "-")
        parts += (
            [f"--{name}" if value else f"--no-{name}"]
            if isinstance(value, bool)
            else [f"--{name}", shlex.quote(str(value))]
        )
    return " ".join(parts)


def _tell(result: Result, folder: Path) -> None:
    verdict = "achieved" if result.success else "not achieved"
    claim = (
        ""
        if result.success == result.outcome.claimed_success
        else (" (the agent says it is)" if result.outcome.claimed_success else " (the agent does not know)")
    )
    say("")
    say(f"{'✓' if result.success else '✗'} {verdict}{claim}. {result.outcome.reason}")
    say(f"  {result.outcome.sim_seconds:.0f} s in the world, {result.wall_seconds:.0f} s of computing.")
    for name in ("report.html", "episode.mp4", "result.json"):
        if (folder / name).exists():
            say(f"  {folder / name}")
