"""DICOM series written from a volume, as a scanner would: one file a slice, LPS, a person's name in the header."""

from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid
from scipy.spatial.transform import Rotation

NAME, PERSON, HOSPITAL = "Quillon^Ada", "MRN40717", "Secret Hospital"
SHAPE = (56, 60, 54)
LANDMARK = (31, 41, 21)
OBLIQUE = np.eye(4)
OBLIQUE[:3, :3] = Rotation.from_euler("xyz", [8, -12, 15], degrees=True).as_matrix() * [2.0, 2.0, 1.96]
OBLIQUE[:3, 3] = [-70, -60, -50]
T1 = {"SeriesDescription": "t1_mprage_sag", "EchoTime": 2.3, "RepetitionTime": 2300.0, "InversionTime": 900.0}
T2 = {"SeriesDescription": "t2_space_sag", "EchoTime": 408.0, "RepetitionTime": 3200.0}


def volume() -> np.ndarray:
    """Return (nx, ny, nz) noise with a bright landmark of 3 voxels an edge."""
    values = np.random.default_rng(0).integers(0, 50, SHAPE)
    i, j, k = LANDMARK
    values[i - 1 : i + 2, j - 1 : j + 2, k - 1 : k + 2] = 1000
    return values


def write_series(folder: Path, *, number: int = 3, person: str = PERSON, day: str = "20260302", **fields) -> Path:
    """Write `volume()` at `OBLIQUE` (RAS+ mm) as a series; `fields` are DICOM attributes, times in ms."""
    folder.mkdir(parents=True, exist_ok=True)
    values = volume()
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ OBLIQUE
    size = np.linalg.norm(lps[:3, :3], axis=0)
    axes = lps[:3, :3] / size
    study = generate_uid(entropy_srcs=[person, day])
    series = generate_uid(entropy_srcs=[person, day, str(number)])
    for k in range(values.shape[2]):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = MRImageStorage, ExplicitVRLittleEndian
        meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[series, str(k)])
        slice_ = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        known = {
            "SOPClassUID": MRImageStorage, "SOPInstanceUID": meta.MediaStorageSOPInstanceUID, "Modality": "MR",
            "Manufacturer": "SIEMENS", "PatientName": NAME, "PatientID": person, "PatientBirthDate": "20100115",
            "PatientSex": "F", "InstitutionName": HOSPITAL, "StudyDate": day, "AcquisitionDate": day,
            "StudyTime": "101112", "AcquisitionTime": "101112", "StudyInstanceUID": study, "SeriesInstanceUID": series,
            "FrameOfReferenceUID": study, "SeriesNumber": number, "InstanceNumber": k + 1, "AcquisitionNumber": 1,
            "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"], "ScanningSequence": ["GR", "IR"], "SequenceVariant": "SP",
            "MRAcquisitionType": "3D", "FlipAngle": 9, "MagneticFieldStrength": 3, "PatientPosition": "HFS",
            "Rows": values.shape[1], "Columns": values.shape[0], "PixelSpacing": [float(size[1]), float(size[0])],
            "SliceThickness": float(size[2]), "ImageOrientationPatient": [*axes[:, 0].tolist(), *axes[:, 1].tolist()],
            "ImagePositionPatient": (lps[:3, 3] + lps[:3, 2] * k).tolist(), "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15,
            "PixelRepresentation": 0, "PixelData": np.ascontiguousarray(values[:, :, k].T.astype("<u2")).tobytes(),
        }  # fmt: skip
        for name, value in (known | (fields or T1)).items():
            setattr(slice_, name, value)
        slice_.save_as(folder / f"s{number}_{k:03d}.dcm", enforce_file_format=True)
    return folder
