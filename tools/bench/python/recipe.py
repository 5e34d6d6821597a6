"""Trains the default recipe in PyTorch, for npm run bench -- time-to-quality.

Reads the files of ./recipe-files.ts: initial weights, training examples and the pooling of items. Trains with sampled negatives
and lazy Adam (sparse gradients) for large tables. Writes the weights back under the same names, and Facet evaluates them. The
batches are prepared in the files, whereas Facet prepares its batches within the measured time.

    recipe.py FOLDER THREADS [STEPS]    STEPS limits a trial run, which writes nothing
"""

import json
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

folder, threads = sys.argv[1], int(sys.argv[2])
trial = int(sys.argv[3]) if len(sys.argv) > 3 else None
with open(f"{folder}/manifest.json", encoding="utf8") as file:
    manifest = json.load(file)
config, training = manifest["model"], manifest["training"]
K, L, D = config["interests"], config["sequenceLength"], config["embeddingDim"]
SCALAR_SCALE = manifest["scalarScale"]
LAYER_NORM_EPSILON = 1e-6
torch.set_num_threads(threads)
torch.manual_seed(training["seed"])
random = np.random.default_rng(training["seed"])


def read(name):
    entry = manifest["arrays"][name]
    return torch.from_numpy(np.fromfile(f"{folder}/{entry['file']}", dtype=entry["dtype"]).reshape(entry["shape"]))


weights = {name: read(name) for name in manifest["weights"]}
for name, weight in weights.items():
    weight.requires_grad_(name != "routing/logits")
sparse_names = [name for name, weight in weights.items() if name.startswith("item/") and len(weight) > manifest["denseRowsMax"]]
dense = torch.optim.Adam([w for n, w in weights.items() if w.requires_grad and n not in sparse_names], eps=1e-8, fused=True)
lazy = torch.optim.SparseAdam([weights[name] for name in sparse_names], eps=1e-8) if sparse_names else None

behaviors, ages, active, labels = read("behaviors"), read("ages"), read("active"), read("labels")
users = read("users").numpy()
pools = {table: (read(f"pool/{table}/rows").long(), read(f"pool/{table}/weights")) for table in manifest["tables"]}
candidates = read("candidates").numpy()
rank_of = np.zeros(manifest["itemCount"] + 1, dtype=np.int64)
rank_of[candidates] = np.arange(len(candidates))
log_range = np.log(len(candidates) + 1)


def embed(items):
    """[U] items → [U, D], the average over the tables (paper, §4.1)."""
    total = 0
    for table, (rows, shares) in pools.items():
        bag = F.embedding_bag(
            rows[items], weights[table], per_sample_weights=shares[items], mode="sum", sparse=table in sparse_names
        )
        total = total + bag
    return total


def squash(z):
    norm2 = z.square().sum(-1, keepdim=True)
    return z * (torch.sqrt(norm2 + 1e-9) / (norm2 + 1))


def route(inputs, shares, is_active):
    extractor = config["extractor"]
    projected = (inputs.reshape(-1, D) @ weights["routing/S"].t()).view(inputs.shape)
    detached = projected.detach()
    unit = F.normalize(detached, dim=2)
    logits = weights["routing/logits"] + (is_active.unsqueeze(2) - 1) * 1e9
    for iteration in range(extractor["iterations"]):
        last = iteration == extractor["iterations"] - 1
        row = shares if last else shares.detach()
        capsules = squash(torch.matmul(logits.softmax(1) * row.unsqueeze(1), projected if last else detached))
        if not last:
            agreement = torch.matmul(F.normalize(capsules, dim=2), unit.transpose(1, 2))
            logits = logits + extractor["cosineAgreement"] * agreement
    return capsules


def layer_norm(values, name):
    return F.layer_norm(values, (D,), weights[f"{name}/scale"], weights[f"{name}/shift"], LAYER_NORM_EPSILON)


def attend(inputs, recency):
    """One block of causal self-attention, read at the newest behavior, [B, L, D] → [B, 1, D]."""

    def weight(part):
        return weights[f"transformer/0/{part}"]

    sequence = inputs * D**0.5 + weights["transformer/positions"]
    normal = layer_norm(sequence, "transformer/0/attention")
    query = normal[:, -1:] @ weight("attention/query") @ weight("attention/key").t()
    shares = (torch.matmul(query, normal.transpose(1, 2)) / D**0.5 + recency.unsqueeze(1)).softmax(2)
    attended = torch.matmul(shares, normal) @ weight("attention/value")
    newest = sequence[:, -1:] + F.dropout(attended, config["dropout"])
    hidden = F.relu(layer_norm(newest, "transformer/0/dense") @ weight("dense/0/kernel") + weight("dense/0/bias"))
    output = hidden @ weight("dense/1/kernel") + weight("dense/1/bias")
    return layer_norm(newest + F.dropout(output, config["dropout"]), "transformer/output")


def interests_of(inputs, age, is_active):
    """[B, L, D] behaviors → [B, K, D] interests of unit length."""
    B = len(age)
    mask = (age > 0).float()
    inputs = (inputs + weights["behavior/age"][age.reshape(-1)].view(inputs.shape)) * mask.unsqueeze(2)
    padding = (mask - 1) * 1e9
    recency = weights["behavior/ageWeight"][age] * SCALAR_SCALE
    shares = torch.exp(recency) * mask
    inputs = F.dropout(inputs, config["dropout"])
    capsules = route(inputs, shares, is_active)
    of_context = weights["context/ageWeight"][age] * SCALAR_SCALE + padding
    context = torch.matmul(of_context.softmax(1).unsqueeze(1), inputs) + attend(inputs, recency + padding)
    hidden = torch.cat([capsules, context.expand(B, K, D)], 2).view(B * K, 2 * D)
    hidden = F.relu(torch.addmm(weights["hidden/0/bias"], hidden, weights["hidden/0/kernel"]))
    output = torch.addmm(weights["hidden/1/bias"], hidden, weights["hidden/1/kernel"]).view(B, K, D)
    return F.normalize(output + capsules + context, dim=2) * is_active.unsqueeze(2)


def read_out(scores, is_active):
    """ln mean_k exp over the active interests, [B, K, C] → [B, C]."""
    masked = scores + (is_active.unsqueeze(2) - 1) * 1e9
    return torch.logsumexp(masked, 1) - torch.log(is_active.sum(1, keepdim=True))


def draw_negatives():
    """Log-uniform by rank; each once, with ln Q less the logarithm of how often it was drawn."""
    count = manifest["negatives"]
    ranks = np.minimum(len(candidates) - 1, np.exp(random.random(count) * log_range).astype(np.int64) - 1)
    ranks, times = np.unique(ranks, return_counts=True)
    return candidates[ranks], log_expected(ranks, count) - np.log(times)


def log_expected(ranks, count):
    return np.log(count * np.log((ranks + 2) / (ranks + 1)) / log_range)


def loss_of(chosen):
    negatives, log_negatives = draw_negatives()
    label = labels[chosen]
    items, places = torch.unique(
        torch.cat([behaviors[chosen].reshape(-1), label, torch.from_numpy(negatives)]), return_inverse=True
    )
    values = embed(items)
    B = len(chosen)
    is_active = active[chosen]
    interests = interests_of(values[places[: B * L]].view(B, L, D), ages[chosen].long(), is_active)
    temperature = config["temperatureMin"] + (config["temperature"] - config["temperatureMin"]) * torch.exp(weights["score/temperature"])
    scored = F.normalize(values, dim=1) / temperature
    own, others = scored[places[B * L : B * L + B]], scored[places[B * L + B :]]
    positive = read_out(torch.matmul(interests, own.unsqueeze(2)), is_active).squeeze(1)
    positive = positive - torch.from_numpy(log_expected(rank_of[label.numpy()], manifest["negatives"])).float()
    negative = read_out((interests.view(B * K, D) @ others.t()).view(B, K, -1), is_active)
    negative = negative - torch.from_numpy(log_negatives).float()
    negative = negative.masked_fill(label.unsqueeze(1) == torch.from_numpy(negatives).unsqueeze(0), -1e9)
    loss = F.softplus(torch.logsumexp(negative, 1) - positive).mean()
    cosines = torch.matmul(interests, interests.transpose(1, 2))
    pairs = is_active.unsqueeze(2) * is_active.unsqueeze(1) * (1 - torch.eye(K))
    excess = (F.relu(cosines - 0.5).square() * pairs).sum() / pairs.sum().clamp(min=1)
    return loss + config["separation"] * excess


def draw_epoch():
    """Positions of examples, shuffled. A user with n > c examples gives √(c n) of them, as in `drawEpoch` of Facet."""
    order = random.permutation(len(users))
    most = training["examplesPerUser"]
    if most == 0:
        return order
    by_user = np.argsort(users[order], kind="stable")
    of = users[order][by_user]
    starts = np.concatenate([[0], np.flatnonzero(np.diff(of)) + 1])
    counts = np.diff(np.concatenate([starts, [len(of)]]))
    kept = np.where(counts <= most, counts, np.round(np.sqrt(most * counts)))
    place = np.arange(len(of)) - np.repeat(starts, counts)
    return order[np.sort(by_user[place < np.repeat(kept, counts)])]


began = time.perf_counter()
step = 0
for epoch in range(training["epochs"] if trial is None else 1):
    order = draw_epoch()
    steps = -(-len(order) // training["batchSize"])
    total = 0.0
    for batch in range(steps if trial is None else trial):
        chosen = torch.from_numpy(order[batch * training["batchSize"] : (batch + 1) * training["batchSize"]])
        rate = min(1, (step + 1) / max(1, steps / 2)) * max(0.01, 1 - step / (training["epochs"] * steps))
        for optimizer in filter(None, [dense, lazy]):
            optimizer.param_groups[0]["lr"] = training["learningRate"] * rate
            optimizer.zero_grad(set_to_none=True)
        loss = loss_of(chosen)
        loss.backward()
        for optimizer in filter(None, [dense, lazy]):
            optimizer.step()
        total += loss.item()
        step += 1
    print(json.dumps({"epoch": epoch + 1, "loss": total / steps, "seconds": time.perf_counter() - began}), flush=True)
for name in manifest["weights"] if trial is None else []:
    weights[name].detach().numpy().tofile(f"{folder}/{manifest['arrays'][name]['file']}")
