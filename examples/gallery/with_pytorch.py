"""
Checkpoints in PyTorch
======================

Each leg goes on from the checkpoint of the last one: model, optimizer and the epoch that was
reached.
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

import bohb
from bohb import visualization

images, labels = (torch.tensor(each) for each in load_digits(return_X_y=True))
images = images.float() / 16
torch.set_num_threads(1)  # more take longer for so small a network


def objective(trial):
    torch.manual_seed(0)
    width = trial.suggest_int("width", 8, 128, log=True)
    model = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))
    rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    file, epoch = trial.checkpoint_dir / "last.pt", 0
    if file.exists():
        saved = torch.load(file)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        epoch = saved["epoch"]
    while epoch < trial.resource:
        for batch in torch.arange(900).split(128):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimizer.step()
        epoch += 1
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}
    torch.save(state, file)
    with torch.no_grad():
        return (model(images[900:]).argmax(1) != labels[900:]).float().mean().item()


study = bohb.create_study(sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 27))
study.optimize(objective, keep="best")
print(f"{study.best_value:.1%} wrong; its weights: {study.incumbent().checkpoint_dir / 'last.pt'}")

# %%
# Each line is a trial, and ends at the rung from which it was not promoted.

visualization.plot_rungs(study)
