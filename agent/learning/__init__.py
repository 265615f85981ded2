"""Learning to act: from a controller's demonstrations, by cloning, then by reinforcement with hindsight.

One recipe for any Gymnasium environment with a Box action space, best where the observation is a dict of
``observation``, ``achieved_goal`` and ``desired_goal`` with a ``compute_reward`` (a goal environment):

    import gymnasium
    from stable_baselines3.common.env_util import make_vec_env

    from yanshi.agent.learning.demonstrations import record
    from yanshi.agent.learning.export import load_policy, save_policy
    from yanshi.agent.learning.sacfd import SACfD

    env = make_vec_env("FetchPush-v4", n_envs=8, seed=0)
    demonstrations = record(env, controller, episodes=100, noise=0.2, seed=0)  # controller(observations) -> actions
    model = SACfD("MultiInputPolicy", env, demonstrations=demonstrations, seed=0)
    model.clone()                                       # seconds
    model.learn(50_000, callback=callback)              # any callback of Stable-Baselines3
    action, _ = model.predict(env.reset(), deterministic=True)
    model.save("push")                                  # safetensors; SACfD.load("push", env=env) goes on
    save_policy(model.policy, "push-policy")            # safetensors + JSON
    policy = load_policy("push-policy")                 # NumPy only: no JAX, no torch

The files, in the order in which data flows: `features` (what networks see of an observation), `rollouts` and
`ray_rollouts` (who steps the simulators), `demonstrations`, `replay` (what batches are made of), `networks`,
`cloning` and `losses` (the mathematics), `sacfd` (the model class), `checkpoint`, `training` (a run with its live line,
curves and model card), `policy` and `export` (what is left when training is over).
"""
