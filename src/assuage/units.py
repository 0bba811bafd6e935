"""The only unit conversions of the package: world coordinates are mm, everything else is SI."""

M_PER_MM = 1e-3
MM_PER_M = 1e3
MIN_PER_H = 60.0
A_PER_S_PER_A_PER_US = 1e6
"""dI/dt: 1 A/µs = 1e6 A/s."""
A_PER_MA = 1e-3
V_PER_UV = 1e-6
C_PER_UC = 1e-6
MM3_PER_ML = 1e3
M2_PER_CM2 = 1e-4
S_PER_MIN = 60.0
S_PER_MS = 1e-3
S_PER_US = 1e-6
C_PER_MC = 1e-3
C_PER_UC = 1e-6
