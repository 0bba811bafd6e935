"""An individual target with an error bar: from a resting fMRI recording to a distribution of where the target lies."""

from assuage.connectivity.confounds import no_confounds, read_confounds
from assuage.connectivity.distribution import TargetDistribution, read_target
from assuage.connectivity.individual import IndividualTarget, individual_target
from assuage.connectivity.methods import METHODS
from assuage.connectivity.recording import Recording
from assuage.connectivity.seeds import Question, question
from assuage.connectivity.surfaces import read_bold

__all__ = [
    "METHODS",
    "IndividualTarget",
    "Question",
    "Recording",
    "TargetDistribution",
    "individual_target",
    "no_confounds",
    "question",
    "read_bold",
    "read_confounds",
    "read_target",
]
