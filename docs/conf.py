"""Configuration of the documentation."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from write_reference import write_reference  # noqa: E402

from dothi import __version__  # noqa: E402

project = "Dothi"
author = "The Dothi developers"
copyright = author  # noqa: A001
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc", "sphinx.ext.viewcode"]
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3
autodoc_typehints = "description"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Dothi"
html_static_path = ["_static"]

write_reference(HERE / "reference" / "generated")
