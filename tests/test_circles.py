"""No two files import each other, by whatever way."""

from graphlib import TopologicalSorter

import grimp


def test_no_file_imports_itself_through_others() -> None:
    graph = grimp.build_graph("wb_cli", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}

    TopologicalSorter(imports).prepare()  # raises CycleError, which names the circle


def test_the_files_are_seen_with_what_they_import_for_types_alone() -> None:
    graph = grimp.build_graph("wb_cli", cache_dir=None)

    assert graph.direct_import_exists(
        importer="wb_cli.lifecycle.aftermath", imported="wb_cli.lifecycle.ended"
    )
