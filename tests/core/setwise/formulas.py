"""The formulas as they are written, one row and one negative at a time, in float64, with gradients by autograd."""

import math

import torch
from torch import logaddexp, sigmoid, tensor

from core.losses.setwise.set_loss import LossAndGradients, SetScores
from core.losses.setwise.surrogates import FLOOR

ZERO = tensor(0.0, dtype=torch.float64)


def relu(x):
    return x if x > 0 else ZERO * x


def softplus(x):
    return logaddexp(x, ZERO)


def mean(terms):
    return sum(terms) / len(terms)


def log_sum_exp(terms):
    total = terms[0]
    for term in terms[1:]:
        total = logaddexp(total, term)
    return total


def log_mean_exp(terms):
    return log_sum_exp(terms) - math.log(len(terms))


def reduced(positive, negatives, reduction):
    whole = positive + (mean(negatives) if reduction == "mean" else sum(negatives))
    return whole / (len(negatives) + 1) if reduction == "candidates" else whole


def mml(c, p, n, **_):
    pushed = mean([sum(w * relu(j - m) for m, w in zip(c.margins, c.weights, strict=True)) for j in n])
    return c.positive_weight * (relu(1 - p) if c.clamp else 1 - p) + c.negative_weight * pushed


def ccl(c, p, n, **_):
    pulled = relu(1 - p) if c.clamp else 1 - p
    return reduced(pulled, [c.negative_weight * relu(j - c.margin) for j in n], c.reduction)


def contrastive(c, p, n, **_):
    negatives = [c.negative_weight * relu(c.margin - (1 - j)) ** 2 / 2 for j in n]
    return reduced((1 - p) ** 2 / 2, negatives, c.reduction)


def mse(c, p, n, **_):
    return reduced((p - 1) ** 2 / 2, [c.negative_weight * j**2 / 2 for j in n], c.reduction)


def sigmoid_ce(c, p, n, **_):
    negatives = [c.negative_weight * softplus(j / c.temperature) for j in n]
    return reduced(softplus(-p / c.temperature), negatives, c.reduction)


def gbce(c, p, n, sampling_rate, **_):
    rate, t = sampling_rate, c.calibration
    beta = rate * (t * (1 - 1 / rate) + 1 / rate)
    return reduced(beta * softplus(-p / c.temperature), [softplus(j / c.temperature) for j in n], "candidates")


def bsl_benchmark(c, p, n, **_):
    pushed = log_mean_exp([j / c.negative_temperature for j in n])
    return -p / c.temperature + c.negative_temperature / c.temperature * pushed


SURROGATES = {
    "tanh": lambda x: math.log(2) - softplus(-2 * x),  # tanh(x) + 1 is 0 to float64 below -19
    "atan": lambda x: torch.log(torch.clamp(torch.atan(x) + 1, min=FLOOR)),
    "relu": lambda x: torch.log(torch.clamp(x + 1, min=FLOOR)),
}


def psl(c, p, n, **_):
    return log_mean_exp([SURROGATES[c.surrogate]((j - p) / c.score_divisor) / c.temperature for j in n])


def sl_at_k(c, p, n, quantile, **_):
    inner = log_sum_exp if c.reduction == "sum" else log_mean_exp
    return sigmoid((p - quantile) / c.weight_temperature) * inner([(j - p) / c.temperature for j in n])


#: name -> (the loss with its constants, p, [n], quantile=, sampling_rate=) -> value.
FORMULAS = {
    "MML": mml,
    "CCL": ccl,
    "contrastive": contrastive,
    "triplet": lambda c, p, n, **_: mean([relu((2 - 2 * p) - (2 - 2 * j) + c.margin) for j in n]),
    "InfoNCE": lambda c, p, n, **_: -p / c.temperature + log_sum_exp([s / c.temperature for s in (p, *n)]),
    "SL": lambda c, p, n, **_: -p / c.temperature + log_mean_exp([j / c.temperature for j in n]),
    "BSL": lambda c, p, n, **_: -p / c.temperature + c.exponent * log_mean_exp([j / c.temperature for j in n]),
    "BSL-paper": lambda c, p, n, **_: -p + c.temperature * log_mean_exp([j / c.temperature for j in n]),
    "BSL-benchmark": bsl_benchmark,
    "BPR": lambda c, p, n, **_: mean([softplus(-(p - j) / c.temperature) for j in n]),
    "hinge": lambda c, p, n, **_: mean([relu(c.margin + j - p) for j in n]),
    "MSE": mse,
    "SigmoidCE": sigmoid_ce,
    "PSL": psl,
    "SL@K": sl_at_k,
    "gBCE": gbce,
}


def by_autograd(loss, scores):
    """Value and gradients of the formula."""
    values, positives, negatives = [], [], []
    for row in range(len(scores.positive)):
        p = scores.positive[row].double().requires_grad_()
        n = [one.double().requires_grad_() for one in scores.negatives[row]]
        quantile = None if scores.quantile is None else scores.quantile[row].double()
        value = FORMULAS[loss.name](loss, p, n, quantile=quantile, sampling_rate=scores.sampling_rate)
        found = torch.autograd.grad(value, [p, *n], materialize_grads=True)
        values.append(value.detach())
        positives.append(found[0])
        negatives.append(torch.stack(found[1:]))
    return LossAndGradients(torch.stack(values), torch.stack(positives), torch.stack(negatives))


def scores_of(positive, negatives, quantile=0.25, sampling_rate=0.125, dtype=torch.float64):
    """Scores of a batch with all that any loss needs."""
    positive = tensor(positive, dtype=dtype)
    return SetScores(positive, tensor(negatives, dtype=dtype), torch.full_like(positive, quantile), sampling_rate)
