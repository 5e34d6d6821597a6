"""Trains the paper's MIND in plain PyTorch, for npm run bench -- train.

Uses the same shapes, ids and negatives as Facet. Lazy Adam updates the table rows of a batch, and plain Adam the other weights.
Reads a number of steps per line from standard input, trains them, and prints a line of JSON: {"ms": …, "loss": …}.
"""

import json
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

folder, items, batch, negatives, threads = sys.argv[1], *map(int, sys.argv[2:6])
L, K, D, HIDDEN, ITERATIONS, POWER, RATE = 20, 4, 64, 256, 3, 2, 1e-3
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
torch.set_num_threads(threads)
torch.manual_seed(1)

sequence_items = np.fromfile(f"{folder}/items.i32", dtype=np.int32)
ends = np.fromfile(f"{folder}/ends.i32", dtype=np.int32)  # position of the label of each example
steps_negatives = np.fromfile(f"{folder}/negatives.i32", dtype=np.int32).reshape(-1, negatives)
window = np.arange(-L, 1)

table = torch.empty(items + 1, D).normal_(0, 0.05)
first, second = torch.zeros_like(table), torch.zeros_like(table)


def parameter(rows, columns):
    limit = (6 / (rows + columns)) ** 0.5
    return torch.empty(rows, columns).uniform_(-limit, limit).requires_grad_()


S = parameter(D, D)
kernel0, bias0 = parameter(D, HIDDEN), torch.zeros(HIDDEN, requires_grad=True)
kernel1, bias1 = parameter(HIDDEN, D), torch.zeros(D, requires_grad=True)
routing_logits = torch.empty(1, K, L).normal_()
dense = torch.optim.Adam([S, kernel0, bias0, kernel1, bias1], lr=RATE, betas=(BETA1, BETA2), eps=EPSILON, fused=True)

log_range = np.log(items + 1)


def log_expected(ids):
    """ln of an item's expected count among the negatives: log-uniform by rank, which is the id."""
    rank = ids.astype(np.float64) - 1
    return torch.from_numpy(np.log(negatives * np.log((rank + 2) / (rank + 1)) / log_range).astype(np.float32))


def prepare(step):
    chosen = ends[step * batch : (step + 1) * batch]
    windows = sequence_items[chosen[:, None] + window]  # [B, L + 1], the label last
    # As Facet does: one that was drawn several times is multiplied once and weighs as much.
    drawn, times = np.unique(steps_negatives[step], return_counts=True)
    rows, places = torch.unique(
        torch.from_numpy(np.concatenate([windows.ravel(), drawn])), return_inverse=True
    )
    labels = windows[:, L]
    places_of_windows = places[: windows.size].view(batch, L + 1)
    return {
        "rows": rows.long(),
        "behaviors": places_of_windows[:, :L],
        "labels": places_of_windows[:, L],
        "negatives": places[windows.size :],
        "log_labels": log_expected(labels),
        "log_negatives": log_expected(drawn) - torch.from_numpy(np.log(times).astype(np.float32)),
    }


def squash(z):
    norm2 = z.square().sum(-1, keepdim=True)
    return z * (torch.sqrt(norm2 + 1e-9) / (norm2 + 1))


def loss_of(values, made):
    behaviors = values.index_select(0, made["behaviors"].reshape(-1))
    projected = (behaviors @ S.t()).view(batch, L, D)
    detached = projected.detach()
    logits = routing_logits
    for iteration in range(ITERATIONS):
        last = iteration == ITERATIONS - 1
        capsules = squash(torch.matmul(logits.softmax(1).expand(batch, K, L), projected if last else detached))
        if not last:
            logits = logits + torch.matmul(capsules, detached.transpose(1, 2))
    interests = F.relu(F.linear(F.relu(F.linear(capsules.reshape(-1, D), kernel0.t(), bias0)), kernel1.t(), bias1))
    interests = interests.view(batch, K, D)
    labels = values.index_select(0, made["labels"])
    agreement = torch.matmul(interests, labels.unsqueeze(2)).squeeze(2)  # [B, K]
    weights = (agreement.sign() * (agreement.abs() + 1e-9).pow(POWER)).softmax(1)
    users = torch.matmul(weights.unsqueeze(1), interests).squeeze(1)
    positive = (users * labels).sum(1) - made["log_labels"]
    scores = users @ values.index_select(0, made["negatives"]).t() - made["log_negatives"]
    scores = scores.masked_fill(made["labels"].unsqueeze(1) == made["negatives"].unsqueeze(0), -1e9)
    return (torch.logsumexp(torch.cat([positive.unsqueeze(1), scores], 1), 1) - positive).mean()


def lazy_adam(rows, values, gradient, step):
    m = first.index_select(0, rows).mul_(BETA1).add_(gradient, alpha=1 - BETA1)
    v = second.index_select(0, rows).mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
    first.index_copy_(0, rows, m)
    second.index_copy_(0, rows, v)
    rate = RATE * (1 - BETA2**step) ** 0.5 / (1 - BETA1**step)
    table.index_copy_(0, rows, values.addcdiv_(m, v.sqrt_().add_(EPSILON), value=-rate))


taken = 0
for line in sys.stdin:
    began = time.perf_counter()
    total = 0.0
    for _ in range(int(line)):
        made = prepare(taken)
        taken += 1
        values = table.index_select(0, made["rows"]).requires_grad_()
        loss = loss_of(values, made)
        dense.zero_grad(set_to_none=True)
        loss.backward()
        dense.step()
        with torch.no_grad():
            lazy_adam(made["rows"], values.detach(), values.grad, taken)
        total += loss.item()
    milliseconds = (time.perf_counter() - began) * 1000
    print(json.dumps({"ms": milliseconds, "loss": total / int(line)}), flush=True)
