"""Trains a model in PyTorch from a folder of `facet train --export`, for `facet train --import`.

    train.py FOLDER [--epochs N] [--threads N] [--steps N]    --steps ends a trial, which writes nothing
    torchrun --nproc-per-node 2 train.py FOLDER               each process computes a part of every batch
                                                              and owns a share of the rows of each large table

Reads training.json, data.safetensors, initial.safetensors and golden.json. Writes weights.safetensors, the interests of golden.json
and result.json. docs/external-training.md describes the files and what this program supports.
"""

import argparse
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

parser = argparse.ArgumentParser(description="Train an exported Facet model in PyTorch")
parser.add_argument("folder", type=Path, help="folder of facet train --export")
parser.add_argument("--epochs", type=int, help="number of epochs (default: as in training.json)")
parser.add_argument("--threads", type=int, default=2, help="number of PyTorch threads (default: 2)")
parser.add_argument("--steps", type=int, help="stop after N steps and write nothing")
arguments = parser.parse_args()
folder = arguments.folder

info = json.loads((folder / "training.json").read_text())
if info["formatVersion"] != 3:
    parser.error(f"training.json has format {info['formatVersion']}, not 3. Use the train.py of the same Facet version.")
spec, training, limits = info["spec"], info["training"], info["limits"]
config = spec["config"]
K, L, D = config["interests"], config["sequenceLength"], config["embeddingDim"]
features = [feature["name"] for feature in spec["userFeatures"]]
HOUR = 3_600_000

supported = {
    "extractor.kind": (config["extractor"]["kind"], ["routing"]),
    "extractor.map": (config["extractor"].get("map"), ["shared"]),
    "extractor.softmaxOver": (config["extractor"].get("softmaxOver", "interests"), ["interests"]),
    "extractor.gradient": (config["extractor"].get("gradient"), ["last"]),
    "extractor.trainingLogits": (config["extractor"].get("trainingLogits"), ["fixed"]),
    "layers": (config["layers"], ["hidden"]),
    "normalize": (config["normalize"], [True]),
    "negatives": ("all" if isinstance(info["negatives"], int) else info["negatives"], ["all"]),
    "readout.kind": (config["readout"]["kind"], ["logsumexp"]),
    "popularityPrior": (config["popularityPrior"], [False]),
    "distinctBehaviors": (config["distinctBehaviors"], [True] if config["repeatBonus"] else [True, False]),
}
for setting, (value, values) in supported.items():
    if value not in values:
        parser.error(f"model.{setting} is {json.dumps(value)}. Set it to one of {json.dumps(values)} and export again.")

# torchrun sets these variables.
world, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
torch.set_num_threads(arguments.threads)
torch.manual_seed(training["seed"] + rank)
# All processes must draw the same epochs and negatives.
random = np.random.default_rng(training["seed"])
label_random = np.random.default_rng([training["seed"], rank])  # Random choices for the part of a batch of this process.
device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if torch.cuda.is_available() else torch.device("cpu")
if world > 1:
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")

data = load_file(folder / "data.safetensors")  # A mapped file: the system reads its pages on demand and can reclaim them.
weights = load_file(folder / "initial.safetensors")
# A large table is sharded: each process has every world-th row of it.
row_counts = {name: len(weight) for name, weight in weights.items() if name.startswith(("item/", "profile/"))}
sharded = [name for name, count in row_counts.items() if count > limits["denseRowsMax"]]
for name, weight in weights.items():
    weights[name] = (weight[rank::world].clone() if name in sharded else weight).to(device)
    weights[name].requires_grad_(name != "routing/logits")
dense_weights = [weight for name, weight in weights.items() if weight.requires_grad and name not in sharded]
dense = torch.optim.Adam(dense_weights, eps=1e-8, fused=True)
lazy = torch.optim.SparseAdam([weights[name] for name in sharded], eps=1e-8) if sharded else None
optimizers = [optimizer for optimizer in (dense, lazy) if optimizer]

items, times = data["sequences/items"].numpy(), data["sequences/times"].numpy()
users, starts, ends, label_ends, moments = (
    data[f"examples/{name}"].numpy() for name in ("user", "start", "end", "labelEnd", "time")
)
pools = {
    table: (data[f"pool/{table}/rows"].long().to(device), data[f"pool/{table}/weights"].to(device))
    for table in info["tables"]
}
profiles = [data[f"profile/{name}"].numpy() for name in features]
candidates = data["candidates"].numpy()
column_of = np.full(spec["itemCount"] + 1, -1)  # The position among the candidates, which is the rank by popularity.
column_of[candidates] = np.arange(len(candidates))
log_range = np.log(len(candidates) + 1)


def ranks_of(rows):
    """Returns the position of each element within its row. `rows` is ascending."""
    counts = np.bincount(rows)
    return np.arange(len(rows)) - np.repeat(counts.cumsum() - counts, counts)


def spread(firsts, ends):
    """Returns the row and position of each interaction from firsts[row] to ends[row] - 1, the newest of each row first."""
    rows = np.repeat(np.arange(len(firsts)), ends - firsts)
    return rows, ends[rows] - 1 - ranks_of(rows)


def behaviors_of(chosen):
    """Returns items, age buckets and counts of the last L behaviors before each example, [B, 3, L]. The newest behavior is the last."""
    rows, positions = spread(starts[chosen], ends[chosen])
    is_known = items[positions] > 0
    rows, positions = rows[is_known], positions[is_known]
    counts = np.ones(len(rows), dtype=np.int64)
    if config["distinctBehaviors"]:
        _, newest, counts = np.unique(rows * len(column_of) + items[positions], return_index=True, return_counts=True)
        by_position = newest.argsort()
        newest, counts = newest[by_position], np.minimum(limits["countMax"], counts[by_position])
        rows, positions = rows[newest], positions[newest]
    slots = L - 1 - ranks_of(rows)
    fits = slots >= 0
    rows, positions = rows[fits], positions[fits]
    ages = np.log2(1 + np.maximum(0, moments[chosen][rows] - times[positions]) / (3 * HOUR))
    buckets = 1 + np.minimum(limits["ageBuckets"] - 2, np.floor(2.5 * ages + 0.5))
    behaviors = np.zeros((len(chosen), 3, L), dtype=np.int64)
    behaviors[rows, :, slots[fits]] = np.stack([items[positions], buckets, counts[fits]], 1)
    return behaviors


def active_of(rows):
    """Returns 1 for each active interest of a user (K'u of paper, Eq. 8) and 0 for the others, [B, K]."""
    n = (rows > 0).sum(1)
    adaptive = np.maximum(1, np.log2(np.maximum(n, 1) + 0.5).astype(int)) if config["adaptiveInterests"] else np.full(len(n), K)
    return torch.from_numpy((np.arange(K) < np.where(n > 0, adaptive, 0)[:, None]).astype(np.float32)).to(device)


def exchange(values, sent, received):
    """Sends sent[p] of `values` to each process p, in this order. Returns the received[p] values of each process p."""
    if world == 1:
        return values
    result = values.new_empty((sum(received), *values.shape[1:]))
    dist.all_to_all_single(result, values.contiguous(), received, sent)
    return result


class OwnedRows(torch.autograd.Function):
    """Looks up rows of a sharded table. Process r % world owns row r: it sends the row, and receives its gradient."""

    @staticmethod
    def forward(context, shard, rows):
        owners = rows % world
        order = owners.argsort(stable=True)
        sent = owners.bincount(minlength=world)
        received = exchange(sent, [1] * world, [1] * world).tolist()
        sent = sent.tolist()
        context.asked = exchange(rows[order] // world, sent, received)  # The rows of this shard that the processes need.
        context.order, context.sent, context.received, context.shape = order, sent, received, shard.shape
        return exchange(shard[context.asked], received, sent)[order.argsort()]

    @staticmethod
    def backward(context, gradient):
        gradients = exchange(gradient[context.order], context.sent, context.received) / world
        return torch.sparse_coo_tensor(context.asked[None], gradients, context.shape), None


def look_up(table, rows):
    """Returns the rows that a batch uses of a table, and the position of each of `rows` in them."""
    if table not in sharded:
        return weights[table], rows
    used, places = rows.unique(return_inverse=True)
    return OwnedRows.apply(weights[table], used), places


def embed(chosen):
    """Returns the embeddings [U, D] of items [U]: the average over the tables (paper, §4.1)."""
    total = 0
    for table, (rows, shares) in pools.items():
        values, places = look_up(table, rows[chosen])
        total = total + F.embedding_bag(places, values, per_sample_weights=shares[chosen], mode="sum")
    return total


def squash(z):
    norm2 = z.square().sum(-1, keepdim=True)
    return z * (torch.sqrt(norm2 + 1e-9) / (norm2 + 1))


def route(inputs, shares, is_active):
    """Routes behaviors to interests (paper, §4.2). Only the last iteration carries gradients."""
    extractor = config["extractor"]
    projected = (inputs.reshape(-1, D) @ weights["routing/S"].t()).view(inputs.shape)
    detached = projected.detach()
    logits = weights["routing/logits"] + (is_active.unsqueeze(2) - 1) * 1e9
    for iteration in range(extractor["iterations"]):
        last = iteration == extractor["iterations"] - 1
        row = shares if last else shares.detach()
        capsules = squash(torch.matmul(logits.softmax(1) * row.unsqueeze(1), projected if last else detached))
        if not last and extractor["cosineAgreement"] > 0:
            cosines = torch.matmul(F.normalize(capsules, dim=2), F.normalize(detached, dim=2).transpose(1, 2))
            logits = logits + extractor["cosineAgreement"] * cosines
        elif not last:
            logits = logits + torch.matmul(capsules, detached.transpose(1, 2))
    return capsules


def layer_norm(values, name):
    return F.layer_norm(values, (D,), weights[f"{name}/scale"], weights[f"{name}/shift"], 1e-6)


def attend(inputs, recency, dropout):
    """Returns the output of one block of causal self-attention at the newest behavior, [B, L, D] → [B, 1, D]."""
    block = "transformer/0"
    sequence = inputs * D**0.5 + weights["transformer/positions"]
    normal = layer_norm(sequence, f"{block}/attention")
    query = normal[:, -1:] @ weights[f"{block}/attention/query"] @ weights[f"{block}/attention/key"].t()
    shares = (torch.matmul(query, normal.transpose(1, 2)) / D**0.5 + recency.unsqueeze(1)).softmax(2)
    newest = sequence[:, -1:] + F.dropout(torch.matmul(shares, normal) @ weights[f"{block}/attention/value"], dropout)
    hidden = layer_norm(newest, f"{block}/dense") @ weights[f"{block}/dense/0/kernel"]
    hidden = F.relu(hidden + weights[f"{block}/dense/0/bias"])
    output = hidden @ weights[f"{block}/dense/1/kernel"] + weights[f"{block}/dense/1/bias"]
    return layer_norm(newest + F.dropout(output, dropout), "transformer/output")


def interests_of(inputs, ages, mask, is_active, profile, dropout):
    """Returns interests [B, K, D] of behaviors [B, L, D]. Active interests have unit length, others are zero (paper, Eq. 1)."""
    B, scale = len(inputs), info["scalarScale"]
    padding = (mask - 1) * 1e9
    recency = torch.zeros_like(mask)
    if config["recency"]:
        inputs = inputs + weights["behavior/age"][ages]
        recency = weights["behavior/ageWeight"][ages] * scale
    inputs = F.dropout(inputs * mask.unsqueeze(2), dropout)
    capsules = route(inputs, torch.exp(recency) * mask, is_active)
    parts, context = [capsules], 0
    if config["context"] != "none":
        logits = weights["context/ageWeight"][ages] * scale + padding if config["recency"] else padding
        context = torch.matmul(logits.softmax(1).unsqueeze(1), inputs)
        if config["context"] == "attention":
            context = context + attend(inputs, recency + padding, dropout)
        parts.append(context.expand(B, K, D))
    for feature, row in zip(features, profile):
        values, places = look_up(f"profile/{feature}", row)
        parts.append(F.embedding(places, values)[:, None].expand(B, K, -1))
    output = torch.cat(parts, 2).flatten(0, 1)
    layers = len(config["hiddenUnits"])
    for layer in range(layers + 1):
        output = torch.addmm(weights[f"hidden/{layer}/bias"], output, weights[f"hidden/{layer}/kernel"])
        if layer < layers or config["outputActivation"] == "relu":
            output = F.relu(output)
    interests = output.view(B, K, D)
    if config["residual"]:
        interests = interests + capsules
    return F.normalize(interests, dim=2) * is_active.unsqueeze(2)


def read_out(scores, is_active):
    """Returns ln mean_k exp of the scores over the active interests, [B, K, C] → [B, C]."""
    masked = scores + (is_active.unsqueeze(2) - 1) * 1e9
    return torch.logsumexp(masked, 1) - torch.log(is_active.sum(1, keepdim=True))


def repeat_bonus(rows):
    """Returns the bonus of the item of each behavior, [B, L], from the same features as `repeatFeatures` of weights.ts."""
    _, age, count = (torch.from_numpy(rows[:, part]).to(device).float() for part in range(3))
    n, log_count, log_age = (count > 0).sum(1, keepdim=True), torch.log(count.clamp(min=1)), (age - 1) / 10
    parts = [torch.ones_like(age), log_count, log_age, torch.log(n.clamp(min=1)).expand_as(age) / 3, log_age * log_count]
    return (torch.stack(parts, 2) @ weights["repeat/weights"]) * info["scalarScale"] * (count > 0)


def log_expected(ranks):
    """Returns ln of the expected count of candidates among the negatives, whose draws are log-uniform by rank."""
    return np.log(info["negatives"] * np.log((ranks + 2) / (ranks + 1)) / log_range)


def draw_columns():
    """Returns the candidates of a batch, and ln (expected count / number of draws) of each. For the full softmax, the latter is 0."""
    if info["negatives"] == "all":
        return np.arange(len(candidates)), np.zeros(len(candidates))
    ranks = np.minimum(len(candidates) - 1, np.exp(random.random(info["negatives"]) * log_range).astype(np.int64) - 1)
    columns, drawn = np.unique(ranks, return_counts=True)
    return columns, log_expected(columns) - np.log(drawn)


def labels_of(chosen):
    """Returns the row and item of each label. Of an example with more than `labelsMax` labels, it draws `labelsMax`."""
    rows, positions = spread(ends[chosen], label_ends[chosen])
    is_candidate = column_of[items[positions]] >= 0
    rows, labels = np.divmod(np.unique((rows * len(column_of) + items[positions])[is_candidate]), len(column_of))
    order = np.lexsort((label_random.random(len(rows)), rows))[ranks_of(rows) < limits["labelsMax"]]
    return rows[order], labels[order]


def prepare(batch):
    """Returns the examples in the part of a batch of this process, their behaviors, and the row, item and weight of each label."""
    chosen = batch[rank::world]
    rows, labels = labels_of(chosen)
    # The weights of an example sum to its share of the batch.
    shares = world / len(batch) / np.bincount(rows)[rows]
    return chosen, behaviors_of(chosen), rows, labels, torch.from_numpy(shares).float().to(device)


def softmax_loss(positive, negative, column_here, log_drawn, rows, labels, shares):
    """Returns the loss from the scores of labels [P] and of the candidates of each example [B, C] (paper, Eq. 10)."""
    if info["negatives"] == "all":
        return ((torch.logsumexp(negative, 1)[rows] - positive) * shares).sum()
    negative = negative - torch.from_numpy(log_drawn).float().to(device)
    hit = column_here[column_of[labels]]
    own = torch.from_numpy(rows[hit >= 0]), torch.from_numpy(hit[hit >= 0])
    negative = negative.index_put(own, torch.tensor(-1e9, device=device))
    positive = positive - torch.from_numpy(log_expected(column_of[labels])).float().to(device)
    return (F.softplus(torch.logsumexp(negative, 1)[rows] - positive) * shares).sum()


def loss_of(chosen, behaviors, rows, labels, shares):
    """Returns the loss of the part of a batch of this process, or None if the batch has no label.

    The mean over the processes is the loss of the batch.
    """
    is_active = active_of(behaviors[:, 0])
    pairs = is_active.unsqueeze(2) * is_active.unsqueeze(1) * (1 - torch.eye(K, device=device))
    repeats = torch.from_numpy(behaviors[rows, 0] == labels[:, None]).to(device)  # [P, L]
    repeated = (shares * repeats.any(1)).sum()
    totals = torch.stack([torch.tensor(float(len(labels)), device=device), pairs.sum(), repeated, shares.sum()])
    if world > 1:
        dist.all_reduce(totals)
    if totals[0] == 0:
        return None
    columns, log_drawn = draw_columns()
    column_here = np.full(len(candidates) + 1, -1)  # The column of each candidate, −1 for other items.
    column_here[columns] = np.arange(len(columns))
    all_items, places = np.unique(np.concatenate([behaviors[:, 0].ravel(), labels, candidates[columns]]), return_inverse=True)
    values = embed(torch.from_numpy(all_items).to(device))
    places = torch.from_numpy(places).to(device)
    B, P = len(chosen), len(labels)
    ages = torch.from_numpy(behaviors[:, 1]).to(device)
    mask = torch.from_numpy((behaviors[:, 0] > 0).astype(np.float32)).to(device)
    profile = [torch.from_numpy(row[users[chosen]]).long().to(device) for row in profiles]
    inputs = values[places[: B * L]].view(B, L, D)
    interests = interests_of(inputs, ages, mask, is_active, profile, config["dropout"])
    temperature = config["temperature"]
    if "score/temperature" in weights:
        temperature = config["temperatureMin"] + (temperature - config["temperatureMin"]) * torch.exp(weights["score/temperature"])
    scored = F.normalize(values, dim=1) / temperature
    own, others = scored[places[B * L : B * L + P]], scored[places[B * L + P :]]

    positive = read_out(torch.matmul(interests[rows], own.unsqueeze(2)), is_active[rows]).squeeze(1)
    negative = read_out((interests.view(B * K, D) @ others.t()).view(B, K, len(others)), is_active)
    if config["repeatBonus"]:
        # As in objective.ts, the loss is a weighted mean of one with and one without the bonus.
        # In the one without, behaviors compete only if they are labels.
        bonus = repeat_bonus(behaviors)
        at = column_here[column_of[behaviors[:, 0]]]
        row, slot = np.nonzero((at >= 0) & (behaviors[:, 0] > 0))
        cells = torch.from_numpy(row), torch.from_numpy(at[row, slot])
        is_label = torch.zeros(B, L, device=device).index_add(0, torch.from_numpy(rows).to(device), repeats.float())
        hidden = (is_label[row, slot] == 0).float() * -1e9
        negative_without = negative.index_put(cells, hidden, accumulate=True)
        without_bonus = softmax_loss(positive, negative_without, column_here, log_drawn, rows, labels, shares)
        positive = positive + (bonus[rows] * repeats).sum(1)
        negative = negative.index_put(cells, bonus[row, slot], accumulate=True)
    loss = softmax_loss(positive, negative, column_here, log_drawn, rows, labels, shares)
    if config["repeatBonus"]:
        share = (totals[2] / totals[3]).clamp(max=0.5)
        loss = (1 - share) * loss + share * without_bonus
    if config["separation"] == 0:
        return loss
    cosines = torch.matmul(interests, interests.transpose(1, 2))
    return loss + config["separation"] * world * (F.relu(cosines - 0.5).square() * pairs).sum() / totals[1].clamp(min=1)


def draw_epoch():
    """Returns shuffled positions of examples. Of a user with n > c examples, it draws √(c n), as `drawEpoch` of examples.ts does."""
    most, at_once = training["examplesPerUser"], 10_000
    order, end = np.empty(len(users), dtype=np.int32), 0  # The only memory that grows with the number of examples.
    for user in range(0, len(data["sequences/offsets"]) - 1, at_once):
        # Examples are in the order of users.
        bounds = np.searchsorted(users, np.arange(user, user + at_once + 1, dtype=users.dtype))
        counts = np.diff(bounds)
        drawn = np.where((most == 0) | (counts <= most), counts, np.round(np.sqrt(most * counts)))
        rows = np.repeat(np.arange(at_once), counts)
        shuffled = np.lexsort((random.random(len(rows)), rows))
        chosen = shuffled[ranks_of(rows) < drawn[rows]]
        begin, end = end, end + len(chosen)
        order[begin:end] = bounds[0] + chosen
    random.shuffle(order[:end])
    return order[:end]


def batches_of(order):
    """Yields the prepared batches. A thread prepares the next batch while the program trains on the current one."""
    with ThreadPoolExecutor(1) as thread:
        batches = []
        for start in range(0, len(order), size):
            batches.append(thread.submit(prepare, order[start : start + size]))
            if len(batches) == 2:
                yield batches.pop(0).result()
        yield batches.pop().result()


def average_gradients():
    """Replaces the gradients of each process by the mean over all processes. `OwnedRows` does this for sharded tables."""
    flat = torch.cat([(torch.zeros_like(w) if w.grad is None else w.grad).flatten() for w in dense_weights])
    dist.all_reduce(flat)
    for weight, grad in zip(dense_weights, flat.split([w.numel() for w in dense_weights])):
        weight.grad = grad.view(weight.shape) / world


def gather(table, rows_at_once=1_000_000):
    """Returns all rows of a sharded table in the memory of the first process."""
    shard = weights[table].detach()
    if world == 1:
        return shard
    longest = -(-row_counts[table] // world)
    shard = F.pad(shard, (0, 0, 0, longest - len(shard)))
    whole = torch.empty((row_counts[table], shard.shape[1])) if rank == 0 else None
    for start in range(0, longest, rows_at_once):
        block = shard[start : start + rows_at_once].contiguous()
        blocks = [torch.empty_like(block) for _ in range(world)] if rank == 0 else None
        dist.gather(block, blocks)
        for owner, rows in enumerate(blocks or []):
            target = whole[owner::world][start : start + rows_at_once]
            target.copy_(rows[: len(target)])
    return whole


samples_per_epoch_max = 8
averages, sample_count = {}, 0  # The moving average of the weights, as in weight-average.ts.


def sample_weights(batch, steps):
    """Adds the weights to their average, if a sample is due after this batch."""
    global sample_count
    if not training["averageEpochs"] or (batch + 1) * samples_per_epoch_max // steps == batch * samples_per_epoch_max // steps:
        return
    longest = max(1, int(training["averageEpochs"] * min(samples_per_epoch_max, steps) + 0.5))
    sample_count = min(sample_count + 1, longest)
    for name, weight in weights.items():
        if name in averages:
            averages[name].mul_(1 - 1 / sample_count).add_(weight.detach(), alpha=1 / sample_count)
        else:
            averages[name] = weight.detach().clone()


epochs, size = arguments.epochs or info["epochs"], training["batchSize"]
began, step, curve = time.perf_counter(), 0, []
for epoch in range(1 if arguments.steps else epochs):
    order = draw_epoch()
    steps = -(-len(order) // size)
    total, steps_began = 0.0, time.perf_counter()
    for batch, prepared in enumerate(batches_of(order[: size * (arguments.steps or steps)])):
        rate = min(1, (step + 1) / max(1, steps / 2)) * max(0.01, 1 - step / (epochs * steps))
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = training["learningRate"] * rate
            optimizer.zero_grad(set_to_none=True)
        loss = loss_of(*prepared)
        if loss is not None:
            if not torch.isfinite(loss):
                raise SystemExit(f"Loss {loss.item()} at step {step + 1}. Lower training.learningRate and export again.")
            loss.backward()
            total += loss.item()
            if world > 1:
                average_gradients()
            for optimizer in optimizers:
                optimizer.step()
            step += 1
        if step > 0:
            sample_weights(batch, steps)
    pace = (time.perf_counter() - steps_began) / (batch + 1)
    mean = torch.tensor(total / (batch + 1) / world, dtype=torch.float64, device=device)
    if world > 1:
        dist.all_reduce(mean)
    curve.append({"loss": mean.item(), "examples": len(order)})
    if rank == 0:
        progress = {"epoch": epoch + 1, "loss": mean.item(), "seconds": time.perf_counter() - began, "secondsPerStep": pace}
        print(json.dumps(progress), flush=True)

weights |= averages  # Without an average, the model has the weights of the last step.
if arguments.steps is None:
    golden = json.loads((folder / "golden.json").read_text())
    with torch.no_grad():
        rows = np.array([vector["items"] for vector in golden])
        ages = torch.tensor([vector["ages"] for vector in golden], device=device)
        mask = torch.from_numpy((rows > 0).astype(np.float32)).to(device)
        profile = list(torch.tensor([vector["profile"] for vector in golden], dtype=torch.long, device=device).t()) if features else []
        inputs = embed(torch.from_numpy(rows.ravel()).to(device)).view(*rows.shape, D)
        is_active = active_of(rows)
        interests = interests_of(inputs, ages, mask, is_active, profile, 0)
    for vector, own, active in zip(golden, interests.tolist(), is_active.sum(1).int().tolist()):
        vector["interests"] = own[:active]
    weights |= {table: gather(table) for table in sharded}
if arguments.steps is None and rank == 0:
    save_file({name: weight.detach().cpu().contiguous() for name, weight in weights.items()}, folder / "weights.safetensors")
    (folder / "golden.json").write_text(json.dumps(golden, allow_nan=False))
    (folder / "result.json").write_text(json.dumps({"program": f"facet external-trainer, PyTorch {torch.__version__}", "epochs": curve}))
if world > 1:
    dist.barrier()
    dist.destroy_process_group()
