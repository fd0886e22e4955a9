"""MF and MLP made of torch's own modules, for `recommenders.testing.plain`: they share no code with ours."""

import math

import torch
from torch import Tensor, nn

from recommenders.models.recommender import Weights
from recommenders.testing.plain import Value


class OracleMF(nn.Module):
    def __init__(self, weights: Weights) -> None:
        super().__init__()
        for name, weight in weights.items():
            self.register_parameter(name, nn.Parameter(weight.double().clone()))

    def forward(self, user: Tensor, item: Tensor, rng: torch.Generator | None = None) -> Tensor:
        dot = (self.user_embedding[user] * self.item_embedding[item]).sum(dim=1)
        return dot + self.user_bias[user] + self.item_bias[item] + self.global_bias

    def weights(self) -> Weights:
        return {name: parameter.detach() for name, parameter in self.named_parameters()}


class OracleMLP(nn.Module):
    """nn.Linear, nn.BatchNorm1d and ReLU; dropout by masks drawn from the given generator."""

    def __init__(self, weights: Weights, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = dropout
        self.user = nn.Parameter(weights["user_embedding"].double().clone())
        self.item = nn.Parameter(weights["item_embedding"].double().clone())
        n_layers = sum(name.startswith("weight.") for name in weights)
        self.layers = nn.ModuleList(nn.Linear(*weights[f"weight.{i}"].shape).double() for i in range(n_layers))
        self.norms = nn.ModuleList(nn.BatchNorm1d(len(weights[f"scale.{i}"])).double() for i in range(n_layers - 1))
        with torch.no_grad():
            for name, mine in self.weights().items():
                mine.copy_(weights[name])

    def forward(self, user: Tensor, item: Tensor, rng: torch.Generator | None = None) -> Tensor:
        h = torch.cat([self.user[user], self.item[item]], dim=1)
        for layer, norm in zip(self.layers, self.norms, strict=False):
            h = torch.relu(norm(layer(h)))
            if self.training and self.dropout > 0:
                h = h * (torch.rand(h.shape, generator=rng) >= self.dropout) / (1 - self.dropout)
        return self.layers[-1](h).squeeze(1)

    def weights(self) -> Weights:
        named = {"user_embedding": self.user.data, "item_embedding": self.item.data}
        for i, layer in enumerate(self.layers):
            named |= {f"weight.{i}": layer.weight.data.T, f"bias.{i}": layer.bias.data}
        for i, norm in enumerate(self.norms):
            named |= {f"scale.{i}": norm.weight.data, f"shift.{i}": norm.bias.data}
            named |= {f"running_mean.{i}": norm.running_mean, f"running_var.{i}": norm.running_var}
        return named


def log_min(epsilon: float) -> Value:
    """Table 4's log min based loss."""

    def value(logit: Tensor, y: Tensor) -> Tensor:
        y_hat = torch.sigmoid(logit)
        least = torch.minimum(y_hat, y)
        return (math.log(1 + epsilon) - torch.log(least + epsilon)) * (y_hat + y + least)

    return value
