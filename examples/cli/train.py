"""Train a network with one hidden layer on handwritten digits. Knows nothing of bohb.

    python train.py --lr 0.1 --num-steps 20 [--checkpoint state.npz]

With a checkpoint it goes on from where that was written, and writes it again at the end.
"""

import argparse
import json
import os

import numpy as np
from sklearn.datasets import load_digits

ACTIVATIONS = {
    "relu": (lambda x: np.maximum(x, 0), lambda y: (y > 0).astype(float)),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-np.clip(x, -30, 30))), lambda y: y * (1 - y)),
}


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lr", type=float, default=0.1, help="learning rate")
    parser.add_argument(
        "--dropout", type=float, default=0.25, help="share of hidden units left out"
    )
    parser.add_argument("--activation", choices=sorted(ACTIVATIONS), default="relu")
    parser.add_argument("--hidden", type=int, default=64, help="hidden units")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--num-steps", type=int, default=20, help="passes over the images, in all")
    parser.add_argument("--checkpoint", help="a file to go on from, and to leave behind")
    return parser.parse_args()


def begin(options, checkpoint):
    """Return the weights, the velocities of their changes, and the passes already made."""
    if checkpoint and os.path.exists(checkpoint):
        with np.load(checkpoint) as saved:
            n = len(saved.files) // 2
            weights = [saved[f"w{i}"] for i in range(n)]
            return weights, [saved[f"v{i}"] for i in range(n)], int(saved["step"])
    rng = np.random.default_rng(0)
    sizes = [(64, options.hidden), (options.hidden, 10)]
    weights = [rng.normal(0, np.sqrt(2 / a), (a, b)) for a, b in sizes]
    return weights, [np.zeros_like(w) for w in weights], 0


def loss_and_accuracy(weights, activate, images, labels):
    scores = activate(images @ weights[0]) @ weights[1]
    scores -= scores.max(axis=1, keepdims=True)
    log_shares = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    loss = -log_shares[np.arange(len(labels)), labels].mean()
    return float(loss), float((scores.argmax(axis=1) == labels).mean())


def train_once(weights, velocities, options, images, labels, rng):
    """Pass over all images once, in batches, and change the weights in place."""
    activate, slope = ACTIVATIONS[options.activation]
    order = rng.permutation(len(labels))
    for batch in np.array_split(order, max(1, len(order) // options.batch_size)):
        inputs = images[batch]
        hidden = activate(inputs @ weights[0])
        kept = (rng.random(hidden.shape) >= options.dropout) / (1 - options.dropout)
        scores = (hidden * kept) @ weights[1]
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        shares[np.arange(len(batch)), labels[batch]] -= 1
        shares /= len(batch)
        gradients = [
            inputs.T @ ((shares @ weights[1].T) * kept * slope(hidden)),
            (hidden * kept).T @ shares,
        ]
        for weight, velocity, gradient in zip(weights, velocities, gradients, strict=True):
            velocity *= 0.9
            velocity -= options.lr * gradient
            weight += velocity


def main():
    options = parse()
    images, labels = load_digits(return_X_y=True)
    images = images / 16
    is_validation = np.arange(len(labels)) % 4 == 0
    weights, velocities, done = begin(options, options.checkpoint)
    activate, _ = ACTIVATIONS[options.activation]
    for step in range(done + 1, options.num_steps + 1):
        rng = np.random.default_rng(step)  # so that a training that goes on is the same
        rest = images[~is_validation], labels[~is_validation]
        train_once(weights, velocities, options, *rest, rng)
        loss, accuracy = loss_and_accuracy(
            weights, activate, images[is_validation], labels[is_validation]
        )
        print(json.dumps({"step": step, "loss": loss, "accuracy": accuracy}), flush=True)
    if options.checkpoint:
        saved = {f"w{i}": w for i, w in enumerate(weights)}
        saved |= {f"v{i}": v for i, v in enumerate(velocities)}
        unfinished = options.checkpoint + ".part.npz"  # a kill must not leave half a file
        np.savez(unfinished, step=options.num_steps, **saved)
        os.replace(unfinished, options.checkpoint)


if __name__ == "__main__":
    main()
