"""P-values, their combination and what they promise, against numbers from theory."""

from __future__ import annotations

import math

import numpy as np
import pytest

from explorer.atlas.calibration import (
    Ranking,
    benjamini_hochberg,
    calibrate,
    expected_flags,
    false_alarm_interval,
    half_cauchy,
    in_sample_ranks,
    p_values,
)


def test_a_p_value_is_the_share_that_is_at_least_as_odd_counting_itself():
    reference = np.array([1.0, 2.0, 3.0, 4.0])

    assert p_values(reference, np.array([0.0, 2.0, 2.5, 9.0])) == pytest.approx([5 / 5, 4 / 5, 3 / 5, 1 / 5])


def test_members_of_a_reference_count_themselves_once():
    assert in_sample_ranks(np.array([3.0, 1.0, 2.0, 3.0])) == pytest.approx([2 / 5, 4 / 5, 3 / 5, 2 / 5])


def test_p_values_of_normal_pictures_are_at_most_a_with_probability_a():
    """n = 99 and a = 0.05: exactly 5 of the 100 ranks, whatever the distribution."""
    random = np.random.default_rng(0)
    trials = 20_000
    values = random.exponential(size=(trials, 100))
    p = (1 + (values[:, 1:] >= values[:, :1]).sum(1)) / 100

    found = np.mean([p_values(np.sort(row[1:]), row[:1])[0] <= 0.05 for row in values[:2_000]])

    assert (p <= 0.05).mean() == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / trials))
    assert found == pytest.approx(np.mean(p[:2_000] <= 0.05))


def test_half_cauchy_is_the_quantile_of_an_absolute_cauchy_number():
    assert half_cauchy(np.array([[0.5], [1.0]])) == pytest.approx([1.0, 0.0], abs=1e-12)  # P(|C| > 1) = 1/2


def test_a_p_value_of_one_cannot_take_back_a_small_one():
    combined = half_cauchy(np.array([[0.001, 1.0], [0.1, 0.1]]))

    assert combined[0] > combined[1] > 0


def test_small_p_values_combine_almost_like_their_mean_in_the_tail():
    """Liu and Xie 2020: whatever the dependence, P(mean > t) is about that of one |Cauchy| number."""
    random = np.random.default_rng(1)
    shared = random.standard_normal((200_000, 1))
    normal = 0.8 * shared + 0.6 * random.standard_normal((200_000, 4))
    from scipy.special import ndtr

    combined = half_cauchy(ndtr(-normal))

    assert (combined > 1 / math.tan(math.pi * 0.001 / 2)).mean() == pytest.approx(0.001, rel=0.35)


def test_q_values_are_those_of_benjamini_and_hochberg():
    p = np.array([0.01, 0.04, 0.03, 0.005, 0.5])

    assert benjamini_hochberg(p) == pytest.approx([0.025, 0.05, 0.05, 0.025, 0.5])


def test_flagging_by_q_keeps_the_share_of_false_alarms():
    random = np.random.default_rng(2)
    shares = []
    for _ in range(200):
        p = np.concatenate([random.random(900), random.random(100) * 1e-4])
        flagged = benjamini_hochberg(p) <= 0.1
        shares.append(flagged[:900].sum() / max(flagged.sum(), 1))

    assert np.mean(shares) == pytest.approx(0.09, abs=0.01)  # 0.1 times the share of normal ones


def test_five_thousand_pictures_allow_between_0_74_and_1_29_percent():
    low, high = false_alarm_interval(0.01, 5_000)

    assert (round(low, 4), round(high, 4)) == (0.0074, 0.0129)


@pytest.mark.parametrize(("rate", "count", "expected"), [(0.001, 500, (0, 0)), (1.0, 500, (1, 1)), (0, 0, (0, 0))])
def test_rates_outside_of_what_a_reference_can_tell_are_certain(rate, count, expected):
    assert false_alarm_interval(rate, count) == expected


def test_the_interval_holds_the_true_rate_as_often_as_it_says():
    random = np.random.default_rng(3)
    low, high = false_alarm_interval(0.05, 199)
    # The true rate, given a reference of uniform numbers, is 1 - its 10th largest; flagged are p <= 10/200.
    rates = 1 - np.sort(random.random((4_000, 199)), axis=1)[:, -10]

    assert ((low <= rates) & (rates <= high)).mean() == pytest.approx(0.95, abs=0.02)


def test_expected_flags_scale_with_the_number_of_pictures():
    expected, low, high = expected_flags(0.01, 10_000, 5_000)

    assert expected == pytest.approx(100)
    assert (round(low), round(high)) == (74, 129)


def test_a_ranking_counts_what_a_slow_loop_counts():
    random = np.random.default_rng(4)
    values, mask = random.integers(0, 20, 200).astype(np.float32), random.random(200) < 0.3

    counted = Ranking(values).at_least(mask)

    assert counted.tolist() == [int((values[mask] >= value).sum()) for value in values]


def test_calibration_at_once_is_that_step_by_step():
    random = np.random.default_rng(5)
    raw = random.integers(0, 40, (3, 300)).astype(np.float32)  # with ties
    reference = random.random(300) < 0.5

    found = calibrate(tuple(Ranking(values) for values in raw), reference)

    p = np.empty((300, 3))
    for column, values in enumerate(raw):
        p[reference, column] = in_sample_ranks(values[reference])
        p[~reference, column] = p_values(np.sort(values[reference]), values[~reference])
    combined = half_cauchy(p)
    p_value = np.empty(300)
    p_value[reference] = in_sample_ranks(np.round(combined[reference], 9))
    p_value[~reference] = p_values(np.sort(np.round(combined[reference], 9)), np.round(combined[~reference], 9))
    assert np.allclose(found.p.T, p)
    assert found.combined == pytest.approx(combined)
    assert found.p_value == pytest.approx(p_value, abs=1.01 / (reference.sum() + 1))  # sums of equal numbers may differ
    assert found.q_value == pytest.approx(benjamini_hochberg(found.p_value))


def test_the_combination_of_dependent_scores_keeps_the_nominal_rate():
    """Two thirds are the reference, a third is tried, 60 times: the mean rate is a, up to the chance of the draws."""
    random = np.random.default_rng(6)
    shared = random.standard_normal((6_000, 1))
    raw = 0.7 * shared + 0.7 * random.standard_normal((6_000, 4))
    rankings = tuple(Ranking(values) for values in raw.T)
    rates = []
    for _ in range(60):
        reference = np.zeros(6_000, np.bool_)
        reference[random.choice(6_000, 4_000, replace=False)] = True
        rates.append((calibrate(rankings, reference).p_value[~reference] <= 0.05).mean())

    assert np.mean(rates) == pytest.approx(0.05, abs=0.003)
