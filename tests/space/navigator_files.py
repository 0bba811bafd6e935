"""Small navigator files written by hand, one pose in every convention, and images to hold them against."""

import nibabel as nib
import numpy as np

# the pose of docs/navigators.md: left dorsolateral prefrontal, RAS mm, four decimals
SIMNIBS = np.array(
    [[-0.4698, 0.6470, 0.6006, -45], [0.4698, 0.7592, -0.4504, 45], [-0.7474, 0.0705, -0.6606, 60], [0, 0, 0, 1]]
)
BRAINSIGHT = np.array(
    [[0.4698, 0.6470, -0.6006, -45], [-0.4698, 0.7592, 0.4504, 45], [0.7474, 0.0705, 0.6606, 60], [0, 0, 0, 1]]
)
LOCALITE_RAS = np.array(
    [[0.6006, -0.6470, -0.4698, -45], [-0.4504, -0.7592, 0.4698, 45], [-0.6606, -0.0705, -0.7474, 60], [0, 0, 0, 1]]
)
LOCALITE_LPS = np.array(
    [[-0.6006, 0.6470, 0.4698, 45], [0.4504, 0.7592, -0.4698, -45], [-0.6606, -0.0705, -0.7474, 60], [0, 0, 0, 1]]
)
ROUNDING = 1e-12


def t1(path, *, sform=1, qform=1, shift_mm=0.0):
    """Write a whole-head image of 3 mm voxels whose middle is near the world's origin; the qform may be shifted."""
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    affine[:3, 3] = (-96.0, -120.0, -96.0)
    moved = affine.copy()
    moved[0, 3] += shift_mm
    image = nib.Nifti1Image(np.zeros((64, 80, 64), np.uint8), affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, sform)
    image.set_qform(moved, qform)
    nib.save(image, path)
    return path


def brainsight_row(name, matrix, decimals=4):
    values = [*matrix[:3, 3], *matrix[:3, 0], *matrix[:3, 1], *matrix[:3, 2]]
    return "\t".join([name, *(f"{value:.{decimals}f}" for value in values)])


AXES = "m0n0\tm0n1\tm0n2\tm1n0\tm1n1\tm1n2\tm2n0\tm2n1\tm2n2"
TARGETS = f"# Target Name\tLoc. X\tLoc. Y\tLoc. Z\t{AXES}"
SAMPLES = f"# Sample Name\tSession Name\tIndex\tLoc. X\tLoc. Y\tLoc. Z\t{AXES}\tStim. Power A\tDate\tTime\tComment"


def brainsight(*lines, frame="NIfTI:Aligned", units="# Units: millimetres, degrees, milliseconds", version=12):
    head = [f"# Version: {version}", f"# Coordinate system: {frame}", "# Created by: Brainsight 2.4.9", units]
    return "\n".join([*head, "# Encoding: UTF-8", *lines]) + "\n"


def matrix4d(matrix):
    return "<Matrix4D " + " ".join(f'data{r}{c}="{matrix[r, c]}"' for r in range(4) for c in range(4)) + "/>"


def instrument(name, matrix, *, is_set="true"):
    return (
        f'<InstrumentMarker alwaysVisible="false" index="0" selected="false"><Marker color="#ff0000" '
        f'description="{name}" set="{is_set}">{matrix4d(matrix)}</Marker></InstrumentMarker>'
    )


def instruments(*entries, space='coordinateSpace="RAS"'):
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return f"{head}<InstrumentMarkerList {space}>{''.join(entries)}</InstrumentMarkerList>"


def trigger(matrix, *, ms, didt, percent="45.0", is_set="true"):
    value = "" if didt is None else f'<Value key="valueA" response="{didt}"/>'
    return (
        f'<TriggerMarker description="" recordingTime="{ms}" set="{is_set}"><ResponseValues>{value}'
        f'<Value key="response" response="NaN"/><Value key="amplitudeA" response="{percent}"/></ResponseValues>'
        f"{matrix4d(matrix)}</TriggerMarker>"
    )


def triggers(*entries, unit='unit="A/us"'):
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<TriggerMarkerList coordinateSpace="RAS" startTime="17:06:40.58">'
        f'<ResponseParameters><responseDescription id="valueA" {unit}/><responseDescription id="amplitudeA" unit="%"/>'
        f"</ResponseParameters>{''.join(entries)}</TriggerMarkerList>"
    )
