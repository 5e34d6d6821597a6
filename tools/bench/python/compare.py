"""Measures the time per iteration and the final loss of the ALS of implicit on pairs of users and items."""

import json
import sys

import numpy as np
import scipy.sparse
from implicit.cpu.als import AlternatingLeastSquares

path, settings = sys.argv[1], json.loads(sys.argv[2])
alpha, regularization = settings["alpha"], settings["regularization"]
users, items = np.unique(np.fromfile(path, dtype=np.int32).reshape(2, -1), axis=1)
# implicit expects the confidence itself: 1 + alpha for an observed pair.
confidence = np.full(len(users), 1 + alpha, dtype=np.float32)
matrix = scipy.sparse.csr_matrix((confidence, (users, items)))
results = {}
for name, use_cg in (("cg", True), ("exact", False)):
    model = AlternatingLeastSquares(
        factors=settings["factors"],
        regularization=regularization,
        alpha=1.0,
        iterations=settings["iterations"],
        use_cg=use_cg,
        num_threads=settings["threads"],
        random_state=settings["seed"],
        dtype=np.float32,
    )
    seconds = []
    model.fit(matrix, show_progress=False, callback=lambda iteration, took, loss: seconds.append(took))
    X, Y = model.user_factors.astype(np.float64), model.item_factors.astype(np.float64)
    predicted = np.einsum("nf,nf->n", X[users], Y[items])
    loss = np.sum((X.T @ X) * (Y.T @ Y)) + regularization * (np.sum(X * X) + np.sum(Y * Y))
    loss += np.sum((1 + alpha) * (1 - predicted) ** 2 - predicted**2)
    results[name] = {"seconds": float(np.mean(seconds)), "loss": float(loss)}
print(json.dumps(results))
