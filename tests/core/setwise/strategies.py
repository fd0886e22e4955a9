"""Hypothesis strategies for losses of sets and their scores."""

from hypothesis import strategies as st

from core.losses.setwise.margins import CCL, MML, Contrastive
from core.losses.setwise.pairwise import BPR, PairwiseHinge, Triplet
from core.losses.setwise.pointwise import GBCE, MSE, SigmoidCE
from core.losses.setwise.softmax import BSL, SL, BSLBenchmark, BSLPaper, InfoNCE
from core.losses.setwise.surrogates import PSL, SLAtK
from tests.core.setwise.formulas import scores_of

temperatures = st.sampled_from((0.01, 0.08, 0.1, 0.5, 1.0, 3.0))
margins = st.sampled_from((-0.5, 0.0, 0.25, 0.5, 0.75, 0.9, 1.0))
weights = st.sampled_from((0.0, 0.25, 1.0, 150.0))
means = st.sampled_from(("mean", "sum"))
reductions = st.sampled_from(("mean", "sum", "candidates"))


@st.composite
def mmls(draw):
    levels = draw(st.lists(st.tuples(margins, weights), min_size=1, max_size=4))
    ms, ws = zip(*levels, strict=True)
    return MML(tuple(ms), tuple(ws), draw(weights), draw(weights), draw(st.booleans()))


#: Unchanged when a constant is added to all scores.
differences = st.one_of(
    st.builds(Triplet, margins),
    st.builds(InfoNCE, temperatures),
    st.builds(SL, temperatures),
    st.builds(BSLPaper, temperatures),
    st.builds(BSLBenchmark, temperatures, temperatures),
    st.builds(BPR, temperatures),
    st.builds(PairwiseHinge, margins),
    st.builds(PSL, st.sampled_from(("tanh", "atan", "relu")), temperatures, st.sampled_from((2.0, 4.0))),
)
#: Unchanged when all negatives are there twice.
means_over_negatives = st.one_of(
    mmls(),
    st.builds(CCL, margins, weights, st.booleans()),
    st.builds(Contrastive, margins, weights),
    st.builds(MSE, weights, st.just("mean")),
    st.builds(SigmoidCE, temperatures, weights, st.just("mean")),
    st.builds(BSL, temperatures, st.sampled_from((1.0, 1.22, 2.0))),
    st.builds(SLAtK, temperatures, temperatures, st.just("mean")),
    differences.filter(lambda loss: loss.name != "InfoNCE"),
)
#: Pulls positives up and pushes negatives down on cosines, wherever they are.
towards = st.one_of(
    differences,
    mmls(),
    st.builds(CCL, margins, weights, st.booleans(), means),
    st.builds(Contrastive, margins, weights, means),
    st.builds(SigmoidCE, temperatures, weights, reductions),
    st.builds(BSL, temperatures, st.sampled_from((1.0, 1.22, 2.0))),
    st.builds(GBCE, st.sampled_from((0.0, 0.75, 1.0)), temperatures),
)
losses = st.one_of(
    towards,
    st.builds(MSE, weights, reductions),
    st.builds(SLAtK, temperatures, temperatures, means),
)

#: At margins and their sums with others, where dropout takes cosines, and between.
cosines = st.sampled_from((-1.0, -0.5, 0.0, 0.25, 0.5, 0.75, 0.9, 1.0)) | st.floats(-1, 1)
dropped = cosines | st.sampled_from((-1.1, 1.1)) | st.floats(-1.2, 1.2)
large = st.sampled_from((-300.0, -40.0, 0.0, 40.0, 300.0)) | st.floats(-300, 300)


@st.composite
def score_sets(draw, values=dropped, equal=True):
    """Scores of one to three rows, with 1 to 6 negatives; sometimes all equal."""
    b, n = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    one = draw(st.none() | values) if equal else None
    rows = [[draw(values) if one is None else one for _ in range(n + 1)] for _ in range(b)]
    return scores_of(
        [row[0] for row in rows], [row[1:] for row in rows], draw(cosines), draw(st.sampled_from((0.01, 1.0)))
    )
