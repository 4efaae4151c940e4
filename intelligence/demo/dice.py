"""Chance that falls the same way everywhere."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Only `random()` is promised to give the same numbers in every version of Python, so
    everything is made of it. What it is named after decides how it falls."""

    def __init__(self, *names: object) -> None:
        self._roll = random.Random("/".join(map(str, names))).random  # noqa: S311 (repeatable, not secret)

    def chance(self, probability: float) -> bool:
        return self._roll() < probability

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self._roll()

    def whole(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + int(self._roll() * (high - low + 1))

    def pick(self, choices: Sequence[T]) -> T:
        return choices[int(self._roll() * len(choices))]

    def early(self, choices: Sequence[T]) -> T:
        """The first ones far more often than the last."""
        roll = self._roll()
        return choices[int(roll * roll * roll * len(choices))]

    def weighted(self, choices: Sequence[T], weights: Sequence[int]) -> T:
        left = self._roll() * sum(weights)
        for choice, weight in zip(choices, weights, strict=True):
            left -= weight
            if left < 0:
                return choice
        return choices[-1]

    def some(self, choices: Sequence[T], count: int) -> list[T]:
        """That many different ones, in any order."""
        left = list(choices)
        return [left.pop(int(self._roll() * len(left))) for _ in range(min(count, len(left)))]

    def token(self) -> str:
        """Twenty-four characters that do not come twice."""
        return f"{int(self._roll() * 2**48):012x}{int(self._roll() * 2**48):012x}"
