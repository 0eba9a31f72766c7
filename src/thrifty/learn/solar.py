"""SOLAR: labels as sparse orthogonal codes that never change, found again by inverted lists."""

from thrifty.core import method
from thrifty.learn._hashed import HashedClassifier

__all__ = ["SOLAR"]


@method(
    source="Medini, Chen and Shrivastava 2021, SOLAR: sparse orthogonal learned and random "
    "embeddings (ICLR), arXiv:2008.13225; Medini et al. 2019, MACH, arXiv:1910.13830",
    memory="4 * (num_columns + repetitions * buckets) * hidden bytes, half in bfloat16, and 12 * "
    "repetitions bytes a label",
    time="O((entries + repetitions * buckets) * hidden) a row, repetitions look-ups a candidate",
    error="none by a bound; with probes = buckets every label is scored",
    exact="WideClassifier, which has an output for every label",
    laws=("learner", "label-hash"),
    evidence=("solar",),
)
class SOLAR(HashedClassifier):
    """Retrieve labels by codes: each has one place in every one of `repetitions` chunks.

    The codes are random, fixed and nearly orthogonal, so that only the side of the query is
    learned: a wide network gives every place a probability. The labels that have a place among the
    `probes` best of a chunk are gathered from inverted lists, and the sum of the logarithms over
    all chunks ranks them; no other label is looked at. The chunks share the network's input layer
    and are otherwise learned apart.

    Args:
        repetitions: chunks of a code.
        buckets: places of a chunk; "auto" takes 4 * sqrt(labels).
        probes: places looked into in each chunk.
        hidden, linear, memory, negatives, num_negatives, storage, epochs, patience, tile,
            learning_rate, validation_fraction, refit, n_jobs, random_state: as of `WideClassifier`;
            the linear path is left out and every place is trained on unless asked otherwise.

    Example:
        >>> import numpy as np
        >>> x = np.repeat(np.eye(50), 10, axis=0)
        >>> y = np.repeat(np.arange(50), 10)
        >>> model = SOLAR(8, 20, probes=2).fit(x, y)
        >>> ends, _ = model.candidates(x)
        >>> float(model.score(x, y)) > 0.95, bool((np.diff(ends) < 50).all())
        (True, True)
        >>> bool((SOLAR.from_bytes(model.to_bytes()).predict(x) == model.predict(x)).all())
        True
    """
