"""Score to performance, by rules with a seed."""

from render.perform.perform import perform
from render.perform.performance import PERFORMED_DTYPE, Performance, RuleEffect
from render.perform.rules import RULES, Rule
from render.perform.unfolding import Unfolded, unfold

__all__ = ["PERFORMED_DTYPE", "RULES", "Performance", "Rule", "RuleEffect", "Unfolded", "perform", "unfold"]
