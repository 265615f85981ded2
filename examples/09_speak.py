"""Speak to it: somebody near the robot plays a recording, and what its microphones hear becomes a goal."""

from pathlib import Path

from yanshi.agent.language.understanding import ModelUnderstanding
from yanshi.agent.specimens import vocabulary
from yanshi.agent.spoken import spoken_command
from yanshi.envs.oracle import Oracle
from yanshi.envs.simulation import Simulation
from yanshi.envs.worlds import world
from yanshi.planning.embedding import MiniLM
from yanshi.planning.understanding import RetrievalUnderstanding

table = world("tabletop", seed=1)
with Simulation(table) as sim:
    belief = Oracle(sim).state()  # In a run it is what the robot has seen; see `yanshi run --say FILE.wav`.
words = spoken_command(table, Path(__file__).parent / "assets" / "command.wav", belief=belief)
print("heard:", words)
reader = ModelUnderstanding.from_pretrained("yanshi-small", RetrievalUnderstanding(MiniLM(), vocabulary()))
meaning = reader.understand(words, belief)
print("goal:", meaning.goal)
print(meaning.thought)
