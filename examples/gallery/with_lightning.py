"""
A Lightning module
==================

`LightningPausing` saves after each epoch before it asks, so that no epoch is trained twice.
"""

import logging
import warnings

import lightning
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import bohb
from bohb import visualization
from bohb.integration.lightning import LightningPausing

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
warnings.simplefilter("ignore")
images, labels = (torch.tensor(each) for each in load_digits(return_X_y=True))
data = TensorDataset(images.float() / 16, labels)
train, test = (
    torch.utils.data.Subset(data, range(900)),
    torch.utils.data.Subset(data, range(900, 1797)),
)


class Net(lightning.LightningModule):
    def __init__(self, width, rate):
        super().__init__()
        self.rate = rate
        self.layers = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))

    def training_step(self, batch):
        return nn.functional.cross_entropy(self.layers(batch[0]), batch[1])

    def validation_step(self, batch):
        self.log("error", (self.layers(batch[0]).argmax(1) != batch[1]).float().mean())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.rate)


def objective(trial):
    lightning.seed_everything(0, verbose=False)
    module = Net(
        trial.suggest_int("width", 8, 128, log=True),
        trial.suggest_float("rate", 1e-4, 1e-1, log=True),
    )
    pausing = LightningPausing(trial, monitor="error")
    trainer = lightning.Trainer(
        max_epochs=9,
        callbacks=[pausing],
        logger=False,
        enable_progress_bar=False,
        enable_checkpointing=False,
        enable_model_summary=False,
    )
    trainer.fit(
        module,
        DataLoader(train, 64, shuffle=True),
        DataLoader(test, 256),
        ckpt_path=pausing.checkpoint,
    )
    return trainer.callback_metrics["error"].item()


study = bohb.create_study(sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 9))
study.optimize(objective)
print(f"{study.best_value:.1%} wrong with {study.best_params}")

# %%
# Most trials are dropped after an epoch or three; a few are trained to the end.

visualization.plot_brackets(study)
