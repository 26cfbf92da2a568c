"""The rules by which a scheme judges: one pure function each, by permanent versioned names."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from domain.rules import chapter_1, chapter_2, chapter_3, chapter_4, chapter_5, chapter_6, chapter_7, chapter_8
from domain.rules.rule import RuleSpec

RULES: Mapping[str, RuleSpec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            chapter_1.demonstration,
            chapter_2.setting_plan,
            chapter_2.community_size,
            chapter_2.community_due,
            chapter_2.estate_coverage,
            chapter_3.conversion_due,
            chapter_3.filing,
            chapter_3.seal,
            chapter_3.dual_post,
            chapter_3.equal_treatment,
            chapter_4.renovation_plan,
            chapter_4.renovation,
            chapter_4.premises_area,
            chapter_4.premises_gates,
            chapter_5.staffing,
            chapter_5.reward,
            chapter_5.measures,
            chapter_6.services,
            chapter_6.convenience_circle,
            chapter_6.three_without,
            chapter_7.partnership,
            chapter_7.incubation,
            chapter_8.governance_bodies,
            chapter_8.funding_new_area,
            chapter_8.funding_new_city,
        )
    }
)
"""Every version of every rule, in the catalogue's order. A changed rule is added under a new name; none is removed."""
