"""The network model once more, slowly and in one dense matrix, to hold the package against.

Every study gives its contrasts to its first arm with their full covariance; between-study covariance is tau^2 on the
diagonal and tau^2 / 2 beside it (Higgins & Whitehead 1996, Lu & Ades 2004).
"""

import numpy as np
from scipy import optimize


class Dense:
    def __init__(self, studies, reference):
        """`studies`: lists of (treatment, value, variance) for each arm."""
        names = sorted({arm[0] for arms in studies for arm in arms} - {reference})
        self.names = names
        size = sum(len(arms) - 1 for arms in studies)
        self.y = np.zeros(size)
        self.x = np.zeros((size, len(names)))
        self.v = np.zeros((size, size))
        self.p = np.zeros((size, size))
        at = 0
        for arms in studies:
            base, value, variance = arms[0]
            k = len(arms) - 1
            block = slice(at, at + k)
            self.v[block, block] = variance
            self.p[block, block] = 0.5
            for j, (name, other, spread) in enumerate(arms[1:]):
                self.y[at + j] = other - value
                self.v[at + j, at + j] += spread
                self.p[at + j, at + j] = 1.0
                for label, sign in ((name, 1.0), (base, -1.0)):
                    if label != reference:
                        self.x[at + j, names.index(label)] += sign
            at += k

    def fit(self, tau2):
        w = np.linalg.inv(self.v + tau2 * self.p)
        cov = np.linalg.inv(self.x.T @ w @ self.x)
        beta = cov @ self.x.T @ w @ self.y
        rest = self.y - self.x @ beta
        return beta, cov, float(rest @ w @ rest)

    @property
    def df(self):
        return self.x.shape[0] - self.x.shape[1]

    def dl(self):
        w = np.linalg.inv(self.v)
        m = w - w @ self.x @ np.linalg.inv(self.x.T @ w @ self.x) @ self.x.T @ w
        return max(0.0, (self.y @ m @ self.y - self.df) / np.trace(m @ self.p))

    def log_likelihood(self, tau2, restricted):
        _, cov, q = self.fit(tau2)
        value = -0.5 * (np.linalg.slogdet(self.v + tau2 * self.p)[1] + q)
        return value + 0.5 * np.linalg.slogdet(cov)[1] if restricted else value

    def likeliest(self, restricted):
        grid = np.linspace(0, 3, 3001)
        best = grid[np.argmax([self.log_likelihood(t * t, restricted) for t in grid])]
        found = optimize.minimize_scalar(
            lambda t: -self.log_likelihood(t * t, restricted),
            bounds=(max(0.0, best - 0.002), best + 0.002),
            method="bounded",
            options={"xatol": 1e-10},
        )
        return found.x**2
