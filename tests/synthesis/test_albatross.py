"""The albatross plot: where points, contours and ticks of p stand."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import norm

from assuage.synthesis.albatross import albatross_figure

PEOPLE = np.array([20.0, 80.0, 320.0, 1280.0])


def axes_of(effect, measure, v=None, people=PEOPLE):
    v = 4 / PEOPLE if v is None else v
    return albatross_figure(np.full(people.size, effect), v, people, measure).axes[0]


def points_of(axes):
    return np.asarray(axes.collections[0].get_offsets())


@pytest.mark.parametrize(
    ("measure", "effect"), [("SMD", -0.5), ("OR", np.log(2)), ("ZCOR", np.arctanh(0.3)), ("MD", 7)]
)
def test_studies_of_one_effect_lie_on_its_contour(measure, effect):
    axes = axes_of(effect, measure)
    x, n = points_of(axes).T
    assert x == pytest.approx(effect * np.sqrt(PEOPLE / 4))
    gaps = []
    for line in axes.lines:
        along = (
            np.interp(np.log(n), np.log(line.get_ydata()), line.get_xdata()) if len(line.get_xdata()) > 2 else np.inf
        )
        gaps.append(np.max(np.abs(along - x)))
    assert min(gaps) < 0.01 * np.max(np.abs(x))


def test_ticks_say_the_two_sided_p_of_their_place():
    axes = axes_of(0.8, "SMD")
    label = axes.xaxis.get_major_formatter()
    told = {float(label(x)): x for x in axes.get_xticks()}
    assert told[1.0] == 0
    for p, x in told.items():
        assert 2 * norm.sf(abs(x)) == pytest.approx(p, rel=1e-6)
    assert min(np.diff(axes.get_xticks())) > 0.2 * axes.get_xlim()[1]


def test_rows_without_a_size_are_left_out():
    axes = axes_of(0.5, "SMD", v=np.full(4, 0.1), people=np.array([20.0, np.nan, 0.0, 90.0]))
    assert points_of(axes)[:, 1].tolist() == [20.0, 90.0]


def test_words_of_ratios_have_no_effect_at_one():
    axes = axes_of(np.log(0.5), "RR")
    assert axes.get_xlabel() == "Two-sided p; left: risk ratio below 1, right: above"
    assert {text.get_text() for text in axes.texts} >= {"0.5", "2", "0.8", "1.25"}


def test_numbers_of_people_are_those_of_their_ticks():
    axes = axes_of(0.5, "SMD", people=np.array([31.0, 33.0, 35.0, 36.0]))
    axes.figure.canvas.draw()
    label = axes.yaxis.get_major_formatter()
    assert all(float(label(n).replace(",", "")) == pytest.approx(n) for n in axes.get_yticks())


def test_small_p_values_do_not_run_into_each_other():
    people = np.array([50.0, 60.0, 400.0, 900.0])
    figure = axes_of(1.472, "ZCOR", v=1 / (people - 3), people=people).figure
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in figure.axes[0].get_xticklabels() if text.get_text()]
    boxes.sort(key=lambda box: box.x0)
    assert all(one.x1 < two.x0 for one, two in pairwise(boxes))
