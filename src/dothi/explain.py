"""What ran, from what, for how long, and what came from the store: as a graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dothi.chain import STAGES
from dothi.scenario import TODAY, Scenario
from dothi.work import APPLY, Outcome

if TYPE_CHECKING:
    from dothi.run import Ran
    from dothi.store import Store

COLOURS: Final = {"made": "#cfe6d4", "found": "#e9e6de", "left out": "#f2d6d0"}


@dataclass(frozen=True, slots=True)
class Node:
    """
    A piece of work in the graph of a run.

    Attributes
    ----------
    scenario, work
        What it is: a simulation, or `dothi.work.APPLY` for the changes of the scenario.
    outcome
        What became of it.
    reads
        Tables and rasters of the city that it read.
    after
        Works of the same scenario that handed on to it.
    cost_s
        How long it took when it was made [s].
    """

    scenario: str
    work: str
    outcome: Outcome
    reads: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    cost_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Graph:
    """
    What ran.

    Attributes
    ----------
    nodes
        Pieces of work, scenario by scenario, each behind those it comes after.
    bases
        By scenario, the one that it rests on, where that ran as well.
    """

    nodes: tuple[Node, ...]
    bases: Mapping[str, str]

    def of(self, scenario: str) -> list[Node]:
        """Pieces of work of one scenario."""
        return [node for node in self.nodes if node.scenario == scenario]

    @property
    def scenarios(self) -> list[str]:
        """Scenarios in their order."""
        return list(dict.fromkeys(node.scenario for node in self.nodes))

    @property
    def saved_s(self) -> float:
        """Time that results found in the store once took [s]."""
        return sum(node.cost_s for node in self.nodes if node.outcome.state == "found")


def explain(ran: Mapping[str, Ran], scenarios: Mapping[str, Scenario], store: Store) -> Graph:
    """
    Graph of a run.

    Parameters
    ----------
    ran
        What `Study.run` gave.
    scenarios
        Scenarios of the study.
    store
        Where the results lie.
    """
    nodes: list[Node] = []
    for name, one in ran.items():
        nodes.append(Node(name, APPLY, one.applied, cost_s=one.applied.seconds))
        for work, outcome in one.outcomes.items():
            kept = store.look(work, outcome.key) if outcome.key else None
            inputs = kept.record["produced_by"]["inputs"] if kept else {}
            reads = [table for table, columns in inputs.items() if columns and table not in ("grid", "rasters")]
            before = tuple(earlier for earlier in STAGES[work].before if earlier in one.outcomes)
            cost = float(kept.record["seconds"]) if kept else 0.0
            nodes.append(Node(name, work, outcome, (*reads, *inputs.get("rasters", ())), before, cost))
    bases = {name: scenarios[name].base or TODAY for name in ran if name != TODAY}
    return Graph(tuple(nodes), {name: base for name, base in bases.items() if base in ran})


def said(node: Node) -> str:
    """What became of a piece of work, in a few words."""
    if node.outcome.state == "left out":
        return f"left out: {node.outcome.reason}"
    if node.outcome.state == "found":
        return f"found, once {node.cost_s:.1f} s" if node.cost_s >= 0.05 else "found"
    return f"made in {node.outcome.seconds:.1f} s"


def mermaid(graph: Graph) -> str:
    """Graph as text that Mermaid draws, as GitHub, GitLab and many editors do."""
    lines = ["flowchart LR"]
    names = _numbered(graph)
    for position, scenario in enumerate(graph.scenarios):
        lines.append(f"  subgraph s{position}[{_quoted(scenario)}]")
        lines += [
            f"    {names[node.scenario, node.work]}[{_quoted(_title(node), said(node))}]:::{_class(node)}"
            for node in graph.of(scenario)
        ]
        lines.append("  end")
    lines += [f"  {start} --> {end}" for start, end in _arrows(graph, names)]
    lines += [f"  classDef {state.replace(' ', '')} fill:{colour}" for state, colour in COLOURS.items()]
    return "\n".join(lines) + "\n"


def dot(graph: Graph) -> str:
    """Graph as text that Graphviz draws."""
    names = _numbered(graph)
    lines = ["digraph run {", "  rankdir=LR; node [shape=box, style=filled];"]
    for position, scenario in enumerate(graph.scenarios):
        lines.append(f"  subgraph cluster_{position} {{ label={_dotted(scenario)};")
        lines += [
            f"    {names[node.scenario, node.work]} [label={_dotted(_title(node), said(node))}, "
            f'fillcolor="{COLOURS[node.outcome.state]}"];'
            for node in graph.of(scenario)
        ]
        lines.append("  }")
    lines += [f"  {start} -> {end};" for start, end in _arrows(graph, names)]
    return "\n".join([*lines, "}"]) + "\n"


def _numbered(graph: Graph) -> dict[tuple[str, str], str]:
    return {(node.scenario, node.work): f"n{number}" for number, node in enumerate(graph.nodes)}


def _arrows(graph: Graph, names: Mapping[tuple[str, str], str]) -> list[tuple[str, str]]:
    arrows = [(names[base, APPLY], names[name, APPLY]) for name, base in graph.bases.items()]
    for node in graph.nodes:
        if node.work != APPLY:
            arrows += [(names[node.scenario, earlier], names[node.scenario, node.work]) for earlier in node.after]
            if not node.after:
                arrows.append((names[node.scenario, APPLY], names[node.scenario, node.work]))
    return arrows


def _title(node: Node) -> str:
    return "city" if node.work == APPLY else node.work


def _class(node: Node) -> str:
    return node.outcome.state.replace(" ", "")


def _quoted(*lines: str) -> str:
    return '"' + "<br/>".join(line.replace('"', "#quot;").replace("<", "#lt;") for line in lines) + '"'


def _dotted(*lines: str) -> str:
    return '"' + "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in lines) + '"'
