"""The directive ``simbench-commands``: every command, from the program itself, so never outdated."""

import textwrap
from typing import Any

import typer
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from simbench.harness.cli.app import commands

EXAMPLES = "For example:"


def term(names: str, text: str) -> nodes.definition_list_item:
    """An argument or option, and its help beneath."""
    item = nodes.definition_list_item()
    item += nodes.term("", "", nodes.literal(names, names))
    item += nodes.definition("", nodes.paragraph(text, text))
    return item


class Commands(SphinxDirective):
    """A section for each command: its help, usage, arguments, options with defaults, and examples."""

    def run(self) -> list[nodes.Node]:
        """The sections."""
        return [self.section(f"simbench {name}", command) for name, command in commands().items()]

    def section(self, typed: str, command: Any) -> nodes.section:
        """The section of one command."""
        section = nodes.section(ids=[nodes.make_id(typed)], names=[nodes.fully_normalize_name(typed)])
        section += nodes.title(typed, typed)
        self.state.document.note_explicit_target(section)
        context = typer.Context(command, info_name=typed)
        explanation, _, examples = command.help.partition(EXAMPLES)
        for paragraph in explanation.strip().split("\n\n"):
            text = " ".join(paragraph.split())
            section += nodes.paragraph(text, text)
        usage = command.get_usage(context).removeprefix("Usage: ")
        section += nodes.literal_block(usage, usage, language="text")
        for kind, heading in (("argument", "Arguments"), ("option", "Options")):
            records = [
                parameter.get_help_record(context)
                for parameter in command.get_params(context)
                if parameter.param_type_name == kind and "--help" not in parameter.opts
            ]
            if records:
                section += nodes.rubric(heading, heading)
                section += nodes.definition_list(
                    "", *(term(*record) for record in records), classes=["options"]
                )
        section += nodes.rubric("Examples", "Examples")
        lines = textwrap.dedent(examples.strip("\n")).replace("\n\n", "\n")
        section += nodes.literal_block(lines, lines, language="bash")
        return section


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("simbench-commands", Commands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
