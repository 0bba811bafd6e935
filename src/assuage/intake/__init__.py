"""Ways in: DICOM through dcm2niix, and files of a BIDS dataset by participant. Finds and converts; builds nothing."""

from assuage.intake.bids import Anatomy, Recorded, find_anatomy, find_recording, participant_in
from assuage.intake.dicom import Series, chosen, converted
from assuage.intake.person import Identity, facts, refuse_two_people

__all__ = [
    "Anatomy",
    "Identity",
    "Recorded",
    "Series",
    "chosen",
    "converted",
    "facts",
    "find_anatomy",
    "find_recording",
    "participant_in",
    "refuse_two_people",
]
