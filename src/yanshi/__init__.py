"""yanshi: embodied agents that people can run, trust and change.

``yanshi.perception`` senses, ``yanshi.planning`` thinks, ``yanshi.envs`` is where it happens and ``yanshi.agent`` acts.
Nothing heavy is imported here: ``import yanshi`` loads neither torch nor MuJoCo.
"""

__version__ = "0.1.0"
