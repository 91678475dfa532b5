"""A Lipschitz bound of multi-head attention whose tokens are no longer than R (without a bound there is none).

    head: S = q k' / sqrt d,  P = softmax of the rows,  o = P v        A = Wk' Wq / sqrt d,  beta = | Wk' bq | / sqrt d
    d o = P dv  +  Cov_P(v, k) dq / sqrt d  +  sum_j P_j (v_j - o) q dk_j / sqrt d

    to the queries    || Wv || || A || R Rk                               no number of tokens in it
    to the memory     sqrt(c) || Wv || (1 + R (|| A || Rq + beta))        c = tokens that ask, the most that a column of
                                                                         P can sum to
    all heads         || Wo || x root of the sum of squares

R bounds the tokens that values are made of, Rk and Rq those of keys and queries with their positions. Dot-product
attention has no constant on all of space (Kim, Papamakarios and Mnih 2021, arXiv 2006.04710); that there is one on a
ball is what the paper uses (section VI-B), and Castin, Ablin and Peyre 2024 (arXiv 2312.14820) bound it by about
sqrt n. This form follows from the line above by the inequality of Cauchy and Schwarz.
"""

from dataclasses import dataclass
from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from rcf.diagnostics.magnitudes import Magnitude, hypot, magnitude
from rcf.diagnostics.spectral_norms import linear_norm
from rcf.tensors import length


@dataclass(frozen=True, slots=True)
class Head:
    """What the bound needs of one head."""

    values: float
    """|| Wv ||."""
    scores: float
    """|| A ||."""
    bias: float
    """beta; biases of keys and values drop out."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How long tokens can be, in the 2-norm."""

    values: Magnitude
    keys: Magnitude
    queries: Magnitude


@dataclass(frozen=True, slots=True)
class Norms:
    """Of all weights of an attention."""

    heads: tuple[Head, ...]
    out: float
    """|| Wo ||."""


def norms_of(attention: nn.MultiheadAttention) -> Norms:
    """Each takes singular values: once for all bounds of one attention."""
    width, count = cast(int, attention.embed_dim), cast(int, attention.num_heads)
    size = width // count
    weights: Tensor = attention.in_proj_weight.detach().double()
    query, key, value = weights.view(3, count, size, width)
    query_bias = attention.in_proj_bias.detach().view(3, count, size)[0]
    heads = tuple(
        Head(linear_norm(value[head]), *_scores(query[head], key[head], query_bias[head].double()))
        for head in range(count)
    )
    return Norms(heads, linear_norm(attention.out_proj.weight))


def _scores(query: Float[Tensor, "d D"], key: Float[Tensor, "d D"], bias: Float[Tensor, " d"]) -> tuple[float, float]:
    scale = query.shape[0] ** -0.5
    return scale * linear_norm(key.T @ query), scale * length(key.T @ bias)


def to_queries(norms: Norms, reach: Reach) -> Magnitude:
    """How much the output moves with the tokens that ask, in any norm that acts token by token."""
    return norms.out * hypot(*(reach.values * reach.keys * (head.values * head.scores) for head in norms.heads))


def to_memory(norms: Norms, reach: Reach, asking: int) -> Magnitude:
    """How much it moves with the tokens that are looked at; `asking` is the number of those that look."""
    each = [_once(head, reach) * head.values for head in norms.heads]
    return magnitude(norms.out) * asking**0.5 * hypot(*each)


def of_itself(norms: Norms, reach: Reach, tokens: int) -> Magnitude:
    """Self-attention over `tokens` tokens, 2-norm of all of them."""
    both = [
        _once(head, reach) * head.values * tokens**0.5 + reach.values * reach.keys * (head.values * head.scores)
        for head in norms.heads
    ]
    return norms.out * hypot(*both)


def of_itself_by_token(norms: Norms, reach: Reach) -> Magnitude:
    """Self-attention in the norm of the longest token: rows of P sum to 1, so their number does not count."""
    each = [
        head.values * (1.0 + reach.values * (head.scores * (reach.keys + reach.queries) + head.bias))
        for head in norms.heads
    ]
    return norms.out * hypot(*each)


def to_memory_by_token(norms: Norms, reach: Reach) -> Magnitude:
    """How much it moves with the tokens that are looked at, both in the norm of the longest token."""
    return norms.out * hypot(*(_once(head, reach) * head.values for head in norms.heads))


def _once(head: Head, reach: Reach) -> Magnitude:
    return 1.0 + reach.values * (head.scores * reach.queries + head.bias)
