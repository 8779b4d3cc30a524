"""Configuration of the documentation."""

import sys
from pathlib import Path

import bohb

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # what draws pictures for the pages lies beside them

import floors  # noqa: E402
import plots  # noqa: E402

plots.draw(HERE / "pictures")
floors.draw(HERE / "pictures" / "floors.svg")

project = "bohb"
author = "The bohb authors"
project_copyright = "2026, the bohb authors"
release = bohb.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "bohb"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_member_order = "bysource"
# The frameworks are large, and their callbacks are described without them.
autodoc_mock_imports = [
    "keras",
    "lightning",
    "mlflow",
    "tensorboardX",
    "transformers",
    "wandb",
]
napoleon_google_docstring = False
default_role = "code"
myst_heading_anchors = 3
