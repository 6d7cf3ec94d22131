"""Limits to agents, and rights, put together: the weaker of the two in every respect."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batwa_common.scope import Scope
from batwa_common.wire.user import RANK
from batwa_hub.services.rights import Rights

NAMES = st.sampled_from(["oslo", "rome", "lima"])
TAGS = st.dictionaries(st.sampled_from(["site", "team"]), st.sampled_from(["a", "b"]))
SCOPES = st.builds(Scope, st.none() | st.frozensets(NAMES), TAGS)
RIGHTS = st.builds(Rights, st.sampled_from(sorted(RANK)), st.booleans(), st.none() | SCOPES)


@given(SCOPES, SCOPES, NAMES, TAGS)
def test_both_limits_allow_what_each_allows(
    one: Scope, other: Scope, agent: str, tags: dict[str, str]
) -> None:
    allowed = one.allows(agent, tags) and other.allows(agent, tags)

    assert (one & other).allows(agent, tags) == allowed


@given(SCOPES, SCOPES, NAMES, TAGS)
def test_a_limit_that_covers_another_allows_all_of_it(
    one: Scope, other: Scope, agent: str, tags: dict[str, str]
) -> None:
    if one.covers(other) and other.allows(agent, tags):
        assert one.allows(agent, tags)


@given(RIGHTS, RIGHTS)
def test_two_rights_together_are_covered_by_each(one: Rights, other: Rights) -> None:
    assert one.cover(one & other)
    assert other.cover(one & other)
    assert (one & other).cover(one) == other.cover(one)


@pytest.mark.parametrize(
    "less",
    [
        Rights("viewer", terminals=True),
        Rights("operator", terminals=False),
        Rights("operator", terminals=True, scope=Scope(frozenset({"oslo"}))),
        Rights("operator", terminals=True, scope=Scope(tags={"site": "oslo"})),
    ],
    ids=str,
)
def test_less_does_not_cover_more_and_has_another_text(less: Rights) -> None:
    more = Rights("operator", terminals=True)

    assert more.cover(less)
    assert not less.cover(more)
    assert str(more) != str(less)
