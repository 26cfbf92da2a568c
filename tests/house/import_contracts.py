"""A contract of import-linter: its own `forbidden` is a deny-list, and lets through what nobody thought of."""

from __future__ import annotations

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from typing_extensions import override


class AllowListContract(Contract):
    """The packages import nothing but each other and what is allowed by name."""

    type_name = "allow_list"
    packages = fields.ListField(subfield=fields.StringField())
    allowed = fields.SetField(subfield=fields.StringField())
    excepted = fields.SetField(subfield=fields.StringField(), required=False)
    """Single imports, as the contract reports them: `domain.packaged imports importlib`."""

    @override
    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        names = [str(package) for package in self.packages]  # type: ignore[attr-defined]  # a field gives its value
        modules = {module for name in names for module in {name, *graph.find_descendants(name)}}
        allowed = modules | {str(name) for name in self.allowed}  # type: ignore[attr-defined]  # the same
        excepted = {str(one) for one in self.excepted or ()}  # type: ignore[attr-defined]  # the same
        found = {
            f"{module} imports {imported}"
            for module in modules
            for imported in graph.find_modules_directly_imported_by(module) - allowed
        }
        return ContractCheck(kept=found <= excepted, metadata={"found": sorted(found - excepted)})

    @override
    def render_broken_contract(self, check: ContractCheck) -> None:
        for line in check.metadata["found"]:
            output.print_error(line)
