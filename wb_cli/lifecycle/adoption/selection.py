"""Select what to take over: named ids, or everything that an older tool left running."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli.errors import UsageError
from wb_cli.instances.selectors import ALL, SERVER, TAG, select
from wb_cli.instances.suggestions import make_unknown_error
from wb_cli.lifecycle.adoption import handover
from wb_cli.lifecycle.adoption.entry import Choices, hide_variables
from wb_cli.lifecycle.adoption.facts import look
from wb_cli.lifecycle.adoption.group import find_group
from wb_cli.lifecycle.adoption.older import find_older
from wb_cli.lifecycle.adoption.proposal import Proposal, propose
from wb_cli.lifecycle.guard.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.engine.types import Observed
    from wb_cli.instances.registry_file.registry import Registry
    from wb_cli.lifecycle.fleet import Fleet


class Candidate(Struct, frozen=True):
    """An instance of an older tool, and what taking it over would mean."""

    instance: str
    proposal: Proposal
    is_interrupted: bool = False

    def as_document(self) -> dict[str, Any]:
        """Give it for ``--json``."""
        return {
            "id": self.instance,
            "isDeclared": not self.proposal.is_new,
            "isInterrupted": self.is_interrupted,
            "entry": hide_variables(self.proposal.entry) or None,
            "changes": list(self.proposal.changes),
            "problems": [
                {"problem": problem.message, "remedy": problem.remedy}
                for problem in self.proposal.problems
            ],
        }


class Candidates:
    """Everything on this engine that may be an instance of an older tool."""

    def __init__(self, fleet: Fleet, registry: Registry) -> None:
        self._fleet = fleet
        self._registry = registry

    @cached_property
    def observed(self) -> Observed:
        """What the engine lists."""
        return self._fleet.engine.observe()

    @cached_property
    def interrupted(self) -> list[str]:
        """The instances whose takeover was begun, and did not end."""
        return handover.list_all(self._fleet.settings)

    def select(self, words: Sequence[str]) -> list[str]:
        """Select ids by words. An id need not be declared; ``all`` means all that could be.

        Raises:
            UsageError: a word names nothing, or ``all`` finds nothing.
        """
        chosen: set[str] = set()
        for word in words:
            if word == ALL:
                chosen |= set(self.list_ids())
            elif word.startswith((TAG, SERVER)):
                selected = select([word], self._registry).require_instances()
                chosen |= {instance.id for instance in selected.instances} & set(self.list_ids())
            else:
                chosen.add(self._find(word))
        return sorted(chosen)

    def list_ids(self) -> list[str]:
        """List the ids of all that an older tool started, and of what was interrupted."""
        found = find_older(self._fleet.engine, self.observed, self._registry.ids())
        return sorted({*found, *self.interrupted})

    def list_all(self) -> list[Candidate]:
        """List all candidates, each with what taking it over would mean."""
        return [self._judge(instance_id) for instance_id in self.list_ids()]

    def _find(self, word: str) -> str:
        is_known = word in {*self._registry.ids(), *self.interrupted}
        if is_known or not find_group(word, self.observed).is_empty:
            return word
        self._registry_refuses(word)
        message = f"there is no instance {word} of an older tool on this engine"
        raise make_unknown_error(
            word, self.list_ids(), message, "`wb adopt` lists what can be taken over."
        )

    def _registry_refuses(self, word: str) -> None:
        for entry in self._registry.refused:
            if entry.id == word:
                raise entry.make_error()

    def _judge(self, instance_id: str) -> Candidate:
        is_interrupted = instance_id in self.interrupted
        declared: dict[str, Any] | None = None
        try:
            if instance_id in {*self._registry.ids(), *(e.id for e in self._registry.refused)}:
                declared = dict(self._registry.find(instance_id).raw)
            group = find_group(instance_id, self.observed)
            facts = look(self._fleet.engine, self._fleet.settings, group, self.observed)
            locate = os.path.realpath if self._fleet.engine.is_local else os.path.normpath
            proposal = propose(facts, self._fleet.settings, declared, locate, Choices())
        except UsageError as error:
            problem = Problem(error.message, error.hint)
            proposal = Proposal({}, is_new=declared is None, problems=(problem,))
        if is_interrupted and proposal.problems:
            entry = handover.read(self._fleet.settings, instance_id)
            proposal = Proposal(entry.entry if entry else {}, is_new=declared is None)
        return Candidate(instance_id, proposal, is_interrupted)
