"""A branch taken out of the tree of runs, with what is needed to put it back where it was."""

from __future__ import annotations

from dataclasses import dataclass, replace

from explorer.runs.branches import Branch

__all__ = ["DeletedBranch", "with_branch", "without_branch"]


@dataclass(frozen=True, slots=True)
class DeletedBranch:
    """A branch, its place in the list, and from which of its steps its children left it, by their names."""

    branch: Branch
    place: int
    children: tuple[tuple[str, int], ...]


def without_branch(branches: tuple[Branch, ...], name: str) -> tuple[tuple[Branch, ...], DeletedBranch | None]:
    """The branches without one of them, and that one; None where there is none of this name.

    Branches that left it are kept: they leave the one it left, at the step where they begin to differ from that.
    """
    place = next((index for index, branch in enumerate(branches) if branch.name == name), -1)
    if place < 0:
        return branches, None
    gone = branches[place]
    children = tuple((each.name, each.step) for each in branches if each.parent == name)
    kept = tuple(
        replace(each, parent=gone.parent, step=min(each.step, gone.step) if gone.parent else each.step)
        if each.parent == name
        else each
        for each in branches
        if each.name != name
    )
    return kept, DeletedBranch(gone, place, children)


def with_branch(branches: tuple[Branch, ...], deleted: DeletedBranch, name: str) -> tuple[Branch, ...]:
    """The branches with one of them back under ``name``, and its children below it where they are still there."""
    steps = dict(deleted.children)
    parents = {each.name for each in branches}
    back = replace(deleted.branch, name=name)
    back = back if back.parent in parents else replace(back, parent="")
    adopted = [
        replace(each, parent=name, step=steps[each.name])
        if each.name in steps and each.parent == deleted.branch.parent
        else each
        for each in branches
    ]
    return (*adopted[: deleted.place], back, *adopted[deleted.place :])
