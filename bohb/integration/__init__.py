"""Callbacks for training frameworks, and trackers for the tools that keep runs.

They are in modules of their own, so that a framework is imported only by those who use it. In
`bohb.integration.lightning`, `bohb.integration.keras` and `bohb.integration.transformers` a
callback of the framework saves before it asks whether its trial is to pause. In
`bohb.integration.mlflow`, `bohb.integration.wandb` and `bohb.integration.tensorboard` a callback
of `optimize` makes a run of each trial.
"""
