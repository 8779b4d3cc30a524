"""
A Keras model
=============

`KerasPausing` saves the model with its optimizer after each epoch; a promoted trial goes on from
there.
"""

import keras
from sklearn.datasets import load_digits

import bohb
from bohb import visualization
from bohb.integration.keras import KerasPausing

images, labels = load_digits(return_X_y=True)
images = images / 16


def objective(trial):
    width = trial.suggest_int("width", 8, 128, log=True)
    rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)

    def build():
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [keras.layers.Dense(width, activation="relu"), keras.layers.Dense(10, "softmax")]
        )
        model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
        return model

    pausing = KerasPausing(trial, monitor="val_loss")
    history = pausing.restore(build).fit(
        images[:900],
        labels[:900],
        validation_data=(images[900:], labels[900:]),
        epochs=9,
        batch_size=128,
        initial_epoch=pausing.initial_epoch,
        callbacks=[pausing],
        verbose=0,
    )
    return history.history["val_loss"][-1]


study = bohb.create_study(sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 9))
study.optimize(objective)
print(f"loss {study.best_value:.4f} with {study.best_params}")

# %%
# The best loss over the epochs that were spent, all trials together.

visualization.plot_incumbent(study)
