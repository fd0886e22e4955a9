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


exponents = st.sampled_from((1.0, 1.22, 2.0))
surrogates = st.sampled_from(("tanh", "atan", "relu"))

#: name -> losses of that name with any constants.
LOSSES = {
    "MML": mmls(),
    "CCL": st.builds(CCL, margins, weights, st.booleans(), means),
    "contrastive": st.builds(Contrastive, margins, weights, means),
    "triplet": st.builds(Triplet, margins),
    "InfoNCE": st.builds(InfoNCE, temperatures),
    "SL": st.builds(SL, temperatures),
    "BSL": st.builds(BSL, temperatures, exponents),
    "BSL-paper": st.builds(BSLPaper, temperatures),
    "BSL-benchmark": st.builds(BSLBenchmark, temperatures, temperatures),
    "BPR": st.builds(BPR, temperatures),
    "hinge": st.builds(PairwiseHinge, margins),
    "MSE": st.builds(MSE, weights, reductions),
    "SigmoidCE": st.builds(SigmoidCE, temperatures, weights, reductions),
    "PSL": st.builds(PSL, surrogates, temperatures, st.sampled_from((2.0, 4.0))),
    "SL@K": st.builds(SLAtK, temperatures, temperatures, means),
    "gBCE": st.builds(GBCE, st.sampled_from((0.0, 0.75, 1.0)), temperatures),
}
losses = st.one_of(*LOSSES.values())
#: Unchanged when a constant is added to all scores.
DIFFERENCES = ("triplet", "InfoNCE", "SL", "BSL-paper", "BSL-benchmark", "BPR", "hinge", "PSL")
#: Unchanged when all negatives are there twice, unless they are summed.
MEANS = tuple(name for name in LOSSES if name not in ("InfoNCE", "gBCE"))
#: Pull the positive up and push negatives down wherever cosines are: MSE wants them at 0, and SL@K weighs the positive.
TOWARDS = tuple(name for name in LOSSES if name not in ("MSE", "SL@K"))


def numbers(low, high):
    """Numbers of few digits: sums and differences are exact, so the formula and the code are on one side of a kink."""
    return st.integers(low * 2**20, high * 2**20).map(lambda k: k / 2**20)


#: At margins and their sums with others, where dropout takes cosines, and between.
cosines = st.sampled_from((-1.0, -0.5, 0.0, 0.25, 0.5, 0.75, 0.9, 1.0)) | numbers(-1, 1)
dropped = cosines | st.sampled_from((-1.1, 1.1)) | numbers(-2, 2)
#: Sums and differences of these are exact.
sixteenths = st.integers(-16, 16).map(lambda k: k / 16)
large = st.sampled_from((-300.0, -40.0, 0.0, 40.0, 300.0)) | numbers(-300, 300)


@st.composite
def score_sets(draw, values=dropped, equal=True):
    """Scores of one to three rows, with 1 to 6 negatives; sometimes all equal."""
    b, n = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    one = draw(st.none() | values) if equal else None
    rows = [[draw(values) if one is None else one for _ in range(n + 1)] for _ in range(b)]
    rate = draw(st.sampled_from((0.01, 0.5, 1.0)))
    return scores_of([row[0] for row in rows], [row[1:] for row in rows], draw(cosines), rate)
