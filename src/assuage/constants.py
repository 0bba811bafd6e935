"""Physical constants, SI."""

MU_0_OVER_4_PI_T_M_PER_A = 1e-7
"""Magnetic constant over 4 pi (CODATA 2018: 1.000 000 000 55e-7; the difference is 5e-10)."""
